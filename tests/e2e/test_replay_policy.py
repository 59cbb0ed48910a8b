"""`junctor replay --policy`: what the engine recorded of a few calls, under another policy."""
import json

from lib import scenario


@scenario(30)
def replay_policy(t):
    """Three calls through the engine; the journal beside it gives a day with the same figures, and a policy to compare."""
    e = t.engine()
    desk, phone = t.agent(e, "a1")
    for i in range(3):
        call = t.caller(e, f"caller{i}").call("100")
        t.check(call.wait("up"), "answered")
        t.eventually(lambda: e.totals()["answered"] == i + 1, "joined with the agent")
        call.bye()
        t.check(call.wait("ended"), "ended")
        t.idle(e, 5)
    code, out, err = e.cli("replay", "--policy", "best-skill", e.data, "--seeds", "2", "--json")
    t.equal(code, 0, err)
    day = json.loads(out)
    t.equal((day["calls"], day["recorded"]["answered"]), (3, 3), "calls of the day")
    t.equal([p["policy"] for p in day["policies"]], ["present", "best-skill"], "policies")
    t.equal(day["policies"][1]["figures"]["abandoned"]["mean"], 0, "nobody leaves")
    code, out, err = e.cli("replay", "--policy", "fastest", e.data)
    t.equal((code, "fastest" in err), (1, True), "an unknown policy is no file either")
