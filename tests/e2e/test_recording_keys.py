"""Recordings under keys: encrypted, masked while card data is said, exported as Ogg Opus, deleted, the master key changed."""
import os
import subprocess
import time

import audio
from lib import Desk, scenario
from test_calls import talk
from test_recording import export


@scenario(60)
def recording_masked_for_card_data(t):
    """An agent masks the recording of the own call: what is said meanwhile is noise in the export; the mark is in the recording and in the audit log."""
    e = t.engine()
    desk, phone, call, other, _, _, _ = talk(t, e, 0.5)
    ix = desk.seen("connect")[0]["id"]
    route = f"/api/v1/calls/{ix}/recording"
    status, _, _ = desk.api.request("POST", route, {"state": "quiet"})
    t.equal(status, 422, "no such state")
    t.equal(desk.api.request("POST", route, {"state": "masked"})[0], 200, "masked")
    time.sleep(0.1)
    call.rtp.say(audio.tone(1000, 0.5, -6))
    time.sleep(0.8)
    t.equal(desk.api.request("POST", route, {"state": "on"})[0], 200, "on again")
    time.sleep(0.1)
    call.rtp.say(audio.tone(1500, 0.5, -6))
    time.sleep(1.0)
    call.bye()
    t.idle(e)
    verify = t.eventually(lambda: (lambda v: v if v.get("stopped") else None)(e.admin.get(f"/api/v1/recordings/{ix}")), "closed")
    t.check(verify["complete"], f"complete: {verify}")
    t.check(30 <= verify["withheld"][0] <= 70, f"frames withheld: {verify['withheld']}")
    left, _ = export(t, e, ix)
    windows = [left[i:i + 160] for i in range(0, len(left) - 160, 160)]
    t.equal(sum(audio.goertzel(w, 1000) > 0.8 and audio.rms(w) > 2000 for w in windows), 0, "nothing of what was masked")
    t.check(sum(audio.goertzel(w, 1500) > 0.8 and audio.rms(w) > 2000 for w in windows) >= 20, "what came after is there")
    said = e.admin.get("/api/v1/audit")["audit"]
    t.check(sum(a["kind"] == "recording" and ix in a["what"] for a in said) == 2, f"audit: {said[:4]}")
    code, out, err = e.cli("rec", "show", "--data", e.data, ix)
    t.check(code == 0 and " mask" in out and "unmask" in out and " agent" in out, f"events: {out}{err}")


@scenario(60)
def recording_opus_and_deleted(t):
    """Encrypted, under a new master key too: Ogg Opus by the API is what players take; found by agent and queue; deleted
    by an administrator it is gone."""
    e = t.engine(machine={"recording": {"encrypt": True}})
    desk, phone, call, other, _, _, _ = talk(t, e, 1.0)
    ix = desk.seen("connect")[0]["id"]
    call.bye()
    t.idle(e)
    t.eventually(lambda: e.admin.get(f"/api/v1/recordings/{ix}").get("complete"), "complete")
    code, out, err = e.cli("rec", "rotate-key", "--data", e.data)
    t.equal(code, 0, f"a new master key beside the running engine: {out} {err}")
    status, headers, data = e.admin.request("GET", f"/api/v1/recordings/{ix}/audio?format=opus")
    t.check(status == 200 and data[:4] == b"OggS" and b"OpusHead" in data[:64], f"an Ogg Opus file, {status}")
    path = os.path.join(t.folder, "x.opus")
    with open(path, "wb") as f:
        f.write(data)
    if os.path.exists("/usr/bin/ffprobe"):
        out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,channels", path], capture_output=True, text=True)
        t.check("opus" in out.stdout and "channels=2" in out.stdout and not out.stderr, f"ffprobe: {out.stdout} {out.stderr}")
    t.equal(e.admin.request("GET", f"/api/v1/recordings/{ix}/audio?as=agent")[0], 200, "with the agent's ears")
    t.equal(e.admin.request("GET", f"/api/v1/recordings/{ix}/audio?as=nobody")[0], 422, "nobody's ears")
    row = e.admin.get("/api/v1/recordings")["recordings"][0]
    t.check(row["agents"] and row["queues"], f"agent and queue: {row}")
    boss = Desk(e, "boss", events=False)
    t.equal(len(boss.api.get(f"/api/v1/recordings?agent={row['agents'][0]}&queue={row['queues'][0]}")["recordings"]), 1, "found")
    t.equal(boss.api.request("DELETE", f"/api/v1/recordings/{ix}")[0], 403, "a supervisor may not")
    t.check(row["encrypted"], "encrypted")
    t.equal(e.admin.request("DELETE", f"/api/v1/recordings/{ix}")[0], 200, "deleted")
    t.equal(e.admin.request("GET", f"/api/v1/recordings/{ix}/audio")[0], 404, "gone")
    t.equal(e.admin.get("/api/v1/recordings")["recordings"], [], "and not listed")
