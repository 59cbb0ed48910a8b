export default { title: "Chat with us", name: "Your name (optional)", text: "Your message", send: "Send", close: "Close window", leave: "End chat", fresh: "New chat",
  opening: "Connecting …", queued: "Please wait, somebody will be with you soon.", position: "Please wait. Your place in the queue: {n}.", connected: "{who} is here.",
  held: "{who} asks for a moment.", closed: "The chat has ended.", gone: "Connection lost. Trying again …", failed: "Not sent.", again: "Send again", log: "Messages",
  customer: "You", agent: "Agent", system: "Notice" };
