export default { title: "채팅 상담", name: "이름 (선택)", text: "메시지", send: "보내기", close: "창 닫기", leave: "상담 종료", fresh: "새 상담",
  opening: "연결하는 중 …", queued: "잠시만 기다려 주세요. 곧 상담원이 연결됩니다.", position: "잠시만 기다려 주세요. 대기 순서: {n}번째", connected: "{who} 상담원과 연결되었습니다.",
  held: "{who} 상담원이 잠시 기다려 달라고 합니다.", closed: "상담이 종료되었습니다.", gone: "연결이 끊겼습니다. 다시 연결하는 중 …", failed: "전송되지 않았습니다.", again: "다시 보내기", log: "메시지",
  customer: "나", agent: "상담원", system: "안내" };
