export default { title: "在线咨询", name: "您的姓名(可选)", text: "您的消息", send: "发送", close: "关闭窗口", leave: "结束咨询", fresh: "新的咨询",
  opening: "正在连接…", queued: "请稍候,客服即将为您服务。", position: "请稍候,您前面的排队位置:第 {n} 位。", connected: "{who} 已接入。",
  held: "{who} 请您稍等片刻。", closed: "咨询已结束。", gone: "连接已断开,正在重试…", failed: "未发送。", again: "重新发送", log: "消息",
  customer: "您", agent: "客服", system: "通知" };
