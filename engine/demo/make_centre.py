#!/usr/bin/env python3
"""Writes the demonstration's two YAML files with this install's own secrets into a folder. Secrets are made once and kept
in FOLDER/secrets.json (mode 0600), so that a restart keeps logins and phones. Standard library only."""
import argparse
import hashlib
import json
import os
import re
import secrets

HERE = os.path.dirname(os.path.abspath(__file__))
ITERATIONS = 120000


def password_hash(password):
    """As engine/api reads it: pbkdf2-sha256$iterations$salt$hash."""
    salt = secrets.token_bytes(16)
    made = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    return f"pbkdf2-sha256${ITERATIONS}${salt.hex()}${made.hex()}"


def ha1(user, realm, secret):
    """RFC 2617 3.2.2.2."""
    return hashlib.md5(f"{user}:{realm}:{secret}".encode(), usedforsecurity=False).hexdigest()


def keep(path, text):
    """Whole or not at all, readable by its owner only."""
    part = path + ".part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(part, path)


def load_secrets(folder):
    path = os.path.join(folder, "secrets.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    made = {"password": secrets.token_urlsafe(9), "phone": secrets.token_urlsafe(12)}
    made["hash"] = password_hash(made["password"])
    keep(path, json.dumps(made, indent=1) + "\n")
    return made


def fill_centre(text, made):
    """Puts the secrets in; each phone's realm is the domain of the tenant that it stands in."""
    out, domain = [], ""
    for line in text.splitlines(keepends=True):
        if line.startswith("#"):
            continue
        found = re.match(r"\s+domain: (\S+)", line)
        domain = found[1] if found else domain
        line = line.replace("@HASH@", made["hash"])
        out.append(re.sub(r"@HA1:([^@]+)@", lambda m: ha1(m[1], domain, made["phone"]), line))
    return "".join(out)


def make(folder, sip_port=5060, api_port=8080, workers=1, listen="127.0.0.1", advertise=""):
    """Writes junctor.yaml and centre.yaml into folder; returns (path of junctor.yaml, secrets): `password` logs every
    agent in to the API, `phone` registers every phone."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    made = load_secrets(folder)
    with open(os.path.join(HERE, "junctor.yaml"), encoding="utf-8") as f:
        machine = f.read()
    for name, value in (("SIP_PORT", sip_port), ("API_PORT", api_port), ("WORKERS", workers), ("LISTEN", listen),
                        ("ADVERTISE", advertise or listen)):
        machine = machine.replace(f"@{name}@", str(value))
    with open(os.path.join(HERE, "centre.yaml"), encoding="utf-8") as f:
        keep(os.path.join(folder, "centre.yaml"), fill_centre(f.read(), made))
    keep(os.path.join(folder, "junctor.yaml"), machine)
    return os.path.join(folder, "junctor.yaml"), made


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("folder")
    ap.add_argument("--sip-port", type=int, default=5060)
    ap.add_argument("--api-port", type=int, default=8080)
    ap.add_argument("--workers", type=int, default=1)
    a = ap.parse_args()
    path, made = make(a.folder, a.sip_port, a.api_port, a.workers)
    print(f"{path}\nAPI password {made['password']}\nphone secret {made['phone']}")


if __name__ == "__main__":
    main()
