// Every word that the desk shows, by language. Another language is another table here; what it lacks is shown in English.
const tables = {
  en: {
    "app.name": "Junctor",
    "signin.title": "Sign in", "signin.tenant": "Company", "signin.name": "Name", "signin.password": "Password",
    "signin.button": "Sign in", "signin.wait": "Signing in …", "signin.again": "Your session has ended. Sign in again.",
    "signout": "Sign out",
    "nav.label": "Views", "nav.desk": "Desk", "nav.board": "Live board", "nav.recordings": "Recordings",
    "link.gone": "Connection lost. Trying again …", "link.back": "Connected again; nothing was missed.",
    "link.unreachable": "The server cannot be reached.",
    "state.label": "Your state", "state.logged_out": "Off duty", "state.ready": "Ready", "state.not_ready": "Not ready",
    "state.on_interaction": "Busy", "state.wrap_up": "Wrap-up",
    "act.ready": "Ready", "act.not_ready": "Not ready", "act.off": "Off duty",
    "reason.label": "Reason", "reason.break": "Break", "reason.lunch": "Lunch", "reason.training": "Training",
    "reason.meeting": "Meeting", "reason.office": "Desk work", "reason.no_answer": "Did not answer",
    "sound.on": "Ring sound on", "sound.off": "Ring sound off",
    "phone.on": "Phone registered", "phone.off": "Phone not registered",
    "channel.voice": "Call", "channel.chat": "Chat",
    "list.title": "Your work", "list.empty": "Nothing yet. Offers appear here.", "list.off": "You are off duty. Choose Ready to take work.",
    "list.not_ready": "You are not ready. No new work is offered.",
    "offer.chat": "New chat", "offer.voice": "Incoming call", "offer.accept": "Accept", "offer.refuse": "Refuse",
    "offer.phone": "Answer on your phone", "offer.left": "{s} s left", "offer.waited": "waited {t}",
    "offer.announce": "{what}: {who}, queue {queue}",
    "ix.state.queued": "Waiting", "ix.state.offered": "Ringing", "ix.state.connected": "Connected", "ix.state.held": "On hold",
    "ix.state.wrap_up": "Wrap-up", "ix.state.done": "Ended",
    "who.unknown": "Unknown", "who.guest": "Guest",
    "pane.queue": "Queue", "pane.client": "Client", "pane.intent": "Topic", "pane.language": "Language", "pane.labels": "Labels",
    "pane.number": "Number", "pane.called": "Called", "pane.waited": "Waited", "pane.talk": "Talk time", "pane.close": "Close",
    "pane.ended": "Ended: {why}.", "pane.ended_plain": "Ended.", "pane.empty": "Nothing open. What you accept appears here, several side by side.",
    "pane.region": "{what} with {who}", "pane.unread": "{n} unread", "pane.why": "Why this agent",
    "wrap.left": "Wrap-up: {s} s left", "wrap.over": "Wrap-up", "wrap.done": "Done",
    "chat.write": "Write a message to {who}", "chat.placeholder": "Write a message. Enter sends, Shift+Enter is a new line.",
    "chat.send": "Send", "chat.sending": "sending …", "chat.failed": "Not sent: {why}", "chat.retry": "Send again", "chat.drop": "Discard",
    "chat.end": "End chat", "chat.log": "Messages", "chat.from.customer": "Customer", "chat.from.agent": "You", "chat.from.system": "System",
    "chat.transfer": "Transfer", "chat.transfer_pick": "Transfer to queue …",
    "call.hold": "Hold", "call.resume": "Resume", "call.hangup": "Hang up", "call.transfer": "Transfer", "call.consult": "Consult",
    "call.complete": "Hand over", "call.cancel": "Back to caller", "call.target": "Transfer or ask", "call.kind.queue": "Queue",
    "call.kind.agent": "Agent", "call.kind.number": "Number", "call.to": "Name or number", "call.asked": "{who} asks you; the caller waits.", "call.consulting": "Asking {who}; the caller waits.",
    "call.out": "Outgoing", "call.in": "Incoming",
    "dial.title": "Call a number", "dial.number": "Number", "dial.queue": "in the name of", "dial.any": "no queue", "dial.button": "Call",
    "board.title": "Live board", "board.queues": "Queues", "board.agents": "Agents", "board.open": "Open now",
    "board.waiting": "Waiting", "board.longest": "Longest wait", "board.level": "Service level", "board.ready": "Agents ready",
    "board.busy": "Busy", "board.not_ready": "Not ready", "board.open_now": "Open",
    "col.queue": "Queue", "col.channels": "Channels", "col.waiting": "Waiting", "col.longest": "Longest", "col.ringing": "Ringing",
    "col.talking": "Talking", "col.offered": "Offered", "col.answered": "Answered", "col.abandoned": "Abandoned",
    "col.level": "Service level", "col.asa": "ASA", "col.aht": "AHT", "col.agent": "Agent", "col.state": "State",
    "col.since": "Since", "col.reason": "Reason", "col.load": "Calls / chats", "col.phone": "Phone", "col.customer": "Customer",
    "col.channel": "Channel", "col.time": "Time", "col.listen": "Supervise", "col.when": "When", "col.length": "Length",
    "col.recording": "Recording", "col.whole": "Whole", "col.play": "Play",
    "board.more": "and {n} more", "board.none": "Nothing open.",
    "watch.listen": "Listen", "watch.whisper": "Whisper", "watch.barge": "Join", "watch.stop": "Stop", "watch.calling": "your phone rings …", "watch.other": "{who} is in this call", "watch.failed": "Not supervising: {why}", "watch.group": "Supervise {who}",
    "rec.title": "Recordings", "rec.none": "No recordings yet.", "rec.play": "Play", "rec.loading": "Loading …", "rec.refresh": "Refresh",
    "rec.player": "Recording {id}", "rec.left": "Caller left, agent right. Listening is noted in the audit log.", "rec.find": "Find by id",
    "rec.complete": "complete", "rec.gaps": "with gaps", "rec.none_chosen": "Choose a recording to hear it.", "rec.faster": "Speed",
    "why.title": "Why this agent", "why.candidates": "Who could have it", "why.whole": "All that was known", "why.none": "No explanation is kept for this one.",
    "yes": "yes", "no": "no",
    // Why something ended or was refused: the engine's own words.
    "because.customer": "the customer left", "because.agent": "ended by the agent", "because.no_answer": "not answered",
    "because.phone_busy": "the phone was busy", "because.phone_reject": "the phone refused", "because.unreachable": "the phone cannot be reached",
    "because.logged_out": "the agent went off duty", "because.queue_full": "the queue was full", "because.max_wait": "waited too long",
    "because.no_queue": "there is no such queue", "because.draining": "the centre takes no new work now", "because.crash": "interrupted by a restart",
    "because.media": "no sound could be set up", "because.busy": "busy, try again", "because.transfer": "handed on",
    "because.unknown_id": "it is no longer there", "because.bad_state": "that is not possible now", "because.duplicate": "done already",
    "because.removed": "its queue or agent was removed", "because.no_route": "no line leads to that number", "because.closed": "outside opening hours",
    "because.gone": "ended while the connection was away",
    "refused": "Refused: {why}", "refused.busy": "The server is busy. Try again.",
  },
};

const wanted = (navigator.languages || [navigator.language || "en"]).map((l) => l.toLowerCase().split("-")[0]);
export const language = wanted.find((l) => tables[l]) || "en";

// The text of that key with {name} filled in; the key itself when nobody wrote one.
export function t(key, values) {
  const text = tables[language][key] ?? tables.en[key] ?? key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : text;
}

export const has = (key) => key in tables.en;

// The engine's word for a reason, in words.
export const because = (why) => (has("because." + why) ? t("because." + why) : String(why).replaceAll("_", " "));
