/* Cmd load: the generator as a verb. */
#include "engine/app/cmd_load.h"
#include "engine/app/cmd.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: junctor load --to sip:NUMBER@HOST:PORT --calls N [OPTIONS]\n"
    "       junctor load --target HOST:PORT --agents N --password P [OPTIONS]   (agents only)\n"
    "       junctor load --answer N [--answer-port P] [OPTIONS]                 (an answering end)\n"
    "       junctor load --chats N --tenant T (--api URL | --data DIR) [OPTIONS]\n\n"
    "Loads a system with calls and chats and measures what arrives at the far ends: loss, delay from mouth to\n"
    "ear, gaps, MOS. SIP over UDP. The sound itself carries the time, so that it does not matter what the system\n"
    "does to RTP. Ctrl-C ends every call with BYE and prints what was measured.\n\n"
    "calls\n"
    "  --calls N           so many in all            --rate R       a second (default 10; 0: at once)\n"
    "  --hold 30s          how long each lasts: from hearing the other one where --agents or --answer are\n"
    "                      this program's too, else from the answer (default 10s)\n"
    "  --wait 60s          a call that has nobody by then has failed\n"
    "  --at-once N         callers there are (default: as many as calls, 10000 at most)\n"
    "  --caller PATTERN    user in From, %d is the number (default c%d)\n"
    "the far end\n"
    "  --agents N          phones that register and take calls     --agent-user PATTERN   (default a%d)\n"
    "  --first-agent N     their first number (default 1)          --domain D   of From and registrations\n"
    "  --password PATTERN  of phones, and of callers who are challenged (or $JUNCTOR_LOAD_PASSWORD)\n"
    "  --ready             logs the agents in by API and makes them ready: --data DIR or --api URL\n"
    "  --agent-name PATTERN  their names there (default: as --agent-user)   --tenant T\n"
    "  --answer N          takes so many calls at once without registering\n"
    "  --target HOST:PORT  where SIP goes (default: what --to says)\n"
    "  --for 60s           how long to serve without calls of our own (default: until Ctrl-C)\n"
    "media\n"
    "  --sound FILE        WAV, 8 kHz mono 16 bits, instead of the built-in voice\n"
    "  --codec LIST        pcmu, pcma, g722, opus in order (default pcmu,pcma)\n"
    "  --ptime MS          sound in a packet, 10 to 60 (default 20); asked of the other end too; Opus: 20 only\n"
    "  --srtp SUITE        AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM ... (SDES)\n"
    "  --impair SPEC       what becomes of packets before they leave: loss=5%, burst=3%:8, delay=40ms,\n"
    "                      jitter=30ms, reorder=1%:30ms, duplicate=0.5%:5ms, drift=-200ppm, comma-separated\n"
    "  --local IP          our address        --sip-port N, --answer-port N   (default: any)\n"
    "  --media-ports A-B   (default: 64 free ones a thread, 8 with --agents)\n"
    "  --port udp|dpdk     dpdk: --device DEVICE --address IP --prefix BITS [--gateway IP]\n"
    "chats\n"
    "  --chats N           customers in all      --chat-rate R   new ones a second (default 10)\n"
    "  --chat-messages N   of each (default 3)   --chat-every 1s   between them   --queue Q\n"
    "                      with a token ($JUNCTOR_TOKEN or --data DIR) delivery to the agents is measured too\n"
    "the run\n"
    "  --threads N         (default 1)           --pin           each to a core of its own\n"
    "  --repeat K          the whole, K times    --seed N        of sound and impairment (default 1)\n"
    "  --json FILE         everything, for machines (-: standard output, and the table on standard error)\n"
    "  --max-loss P --min-mos M --max-delay MS --max-failed N (default 0) --max-late MS (default 20, the\n"
    "                      generator's own lateness, above which a result is invalid; -1: never mind)\n"
    "  --i-may-load-this-target   needed where the target is on the public network\n\n"
    "Exit code: 0 every limit holds, 1 one does not, 2 wrong use.\n";

static atomic_bool stop;

static void asked_to_stop(int signal_number)
{
    (void)signal_number;
    atomic_store(&stop, true);
}

static void say(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static int ready(void *arg, struct jn_err *err)
{
    return jn_cmd_load_ready(arg, err);
}

static int write_json(const struct jn_cmd_load *l, const struct jn_load_result *r, unsigned n,
                      const struct jn_load_verdict *v)
{
    struct jn_buf out = {0}, configuration = {0};
    jn_cmd_load_configuration(&configuration, l);
    jn_load_json(&out, &l->plan, configuration.data, &l->limits, r, n, v);
    FILE *f = strcmp(l->json, "-") ? fopen(l->json, "we") : stdout;
    bool good = f && !out.failed && fwrite(out.data, 1, out.len, f) == out.len;
    if (f && f != stdout && fclose(f) != 0)
        good = false;
    if (!good)
        fprintf(stderr, "junctor load: %s: %s\n", l->json, strerror(errno));
    jn_buf_free(&out);
    jn_buf_free(&configuration);
    return good ? 0 : 1;
}

static int report(const struct jn_cmd_load *l, const struct jn_load_result *r, unsigned n)
{
    struct jn_load_verdict v;
    jn_load_judge(&v, &l->plan, &l->limits, r, n);
    jn_load_table(l->json && !strcmp(l->json, "-") ? stderr : stdout, &l->plan, r, n, &v);
    int rc = l->json ? write_json(l, r, n, &v) : 0;
    return v.pass ? rc : 1;
}

static int run(struct jn_cmd_load *l)
{
    struct jn_err err = {""};
    struct jn_load_result *results = calloc(l->plan.repeat, sizeof *results);
    struct jn_dpdk *device = NULL;
    unsigned n = 0;
    int rc = results ? jn_cmd_load_prepare(l, &err) : jn_fail(&err, -ENOMEM, "no memory");
    if (rc == 0 && l->over_dpdk && (rc = jn_dpdk_open(&device, &l->dpdk, &err)) == 0) {
        l->plan.load.media.ops = &jn_port_dpdk;
        l->plan.load.media.port.back_end = device;
    }
    if (rc == 0)
        rc = jn_load_run(&l->plan, results, &n, &err);
    for (int tries = 0; rc == -EADDRINUSE && !l->media_ports && tries < 8; tries++) { /* somebody has one of them */
        jn_cmd_load_ports(l, &err);
        rc = jn_load_run(&l->plan, results, &n, &err);
    }
    jn_cmd_load_leave(l);
    if (rc < 0)
        fprintf(stderr, "junctor load: %s\n", err.text);
    int code = rc < 0 ? 1 : report(l, results, n);
    jn_dpdk_close(device);
    jn_voice_free((struct jn_voice *)l->plan.load.media.voice);
    explicit_bzero(l->plan.load.password, sizeof l->plan.load.password);
    free(results);
    return code;
}

int jn_cmd_load(int argc, char *argv[])
{
    struct sigaction act = {.sa_handler = asked_to_stop};
    struct jn_cmd_load l = {.api = {.verb = "load"}};
    int rc = jn_cmd_load_options(&l, argc, argv);
    if (rc < 0)
        return fputs(help, stdout), 0;
    if (rc > 0)
        return rc;
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    l.plan.say = say;
    l.plan.ready = l.ready ? ready : NULL;
    l.plan.arg = &l;
    l.plan.stop = &stop;
    return run(&l);
}
