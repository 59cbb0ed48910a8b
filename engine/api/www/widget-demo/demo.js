// Puts the widget's line into the page. ?tenant=acme&queue=chat&lang=ko choose whose chat it is; the demonstration's own
// company is northwind.
const query = new URLSearchParams(location.search), script = document.createElement("script");
script.src = "/widget.js";
script.dataset.tenant = query.get("tenant") || "northwind";
if (query.get("queue")) script.dataset.queue = query.get("queue");
if (query.get("lang")) document.documentElement.lang = query.get("lang");
document.getElementById("line").textContent =
  `<script src="${location.origin}/widget.js" data-tenant="${script.dataset.tenant}"${script.dataset.queue ? ` data-queue="${script.dataset.queue}"` : ""} defer></script>`;
document.body.append(script);
