/* Port, DPDK: the library's own start, once a process: its arguments, its messages into our log. */
#include "engine/base/log.h"
#include "engine/base/str.h"
#include "engine/net/port_dpdk_state.h"
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 400, ARGS = 20, ARG_BYTES = 2048 };

/* Written while the one thread that starts DPDK waits for it, and by DPDK's own threads, one line at a time (stdio's
 * lock). */
static struct {
    char line[LINE], complaint[LINE];
    size_t n;
} said;

/* What its authors call an error is often no more than "this machine has no such thing", so it warns. */
static enum jn_log_level level_of(int theirs)
{
    if (theirs <= (int)RTE_LOG_CRIT)
        return JN_LOG_ERROR;
    if (theirs == (int)RTE_LOG_ERR)
        return JN_LOG_WARN;
    return theirs == (int)RTE_LOG_WARNING ? JN_LOG_INFO : JN_LOG_DEBUG;
}

static void tell_line(void)
{
    int level = rte_log_cur_msg_loglevel();

    said.line[said.n] = 0;
    said.n = 0;
    if (!said.line[0])
        return;
    jn_log(level_of(level), "dpdk", "%s", said.line);
    /* The first is the cause; those behind it only say that the rest failed too. */
    if (level <= (int)RTE_LOG_ERR && !said.complaint[0])
        memcpy(said.complaint, said.line, sizeof said.line);
}

static ssize_t hear(void *cookie, const char *text, size_t n)
{
    (void)cookie;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n' || said.n == LINE - 1)
            tell_line();
        if (text[i] != '\n')
            said.line[said.n++] = text[i];
    }
    return (ssize_t)n;
}

const char *jn_dpdk_complaint(void)
{
    return said.complaint;
}

/* EAL's arguments, each with its own place. */
struct args {
    char *v[ARGS], bytes[ARG_BYTES];
    int n;
    size_t used;
};

static void add(struct args *a, const char *text)
{
    size_t n = strlen(text) + 1;

    if (a->n == ARGS - 1 || a->used + n > ARG_BYTES)
        return;
    a->v[a->n++] = memcpy(a->bytes + a->used, text, n);
    a->used += n;
}

/* All processors that this thread may use: EAL would pin it to one, and every thread started later with it. */
static void add_lcores(struct args *a)
{
    cpu_set_t set;
    char text[ARG_BYTES / 2] = "0@(0";
    size_t at = 3;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (unsigned i = 0; i < CPU_SETSIZE && at + 8 < sizeof text; i++)
            if (CPU_ISSET(i, &set))
                at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", at > 3 ? "," : "", i);
    snprintf(text + (at > 3 ? at : 4), sizeof text - at, ")");
    add(a, "--lcores");
    add(a, text);
}

/* Virtual devices are named by their driver; anything else is a place on the PCI bus. */
static bool virtual_device(const char *device)
{
    return strncmp(device, "net_", 4) == 0;
}

/* As many queue pairs as workers, unless the device's own words say otherwise. */
static void add_device(struct args *a, const struct jn_dpdk_config *c)
{
    char text[JN_DPDK_DEVICE_MAX + 40], more[24] = "";

    if (strncmp(c->device, "net_af_xdp", 10) == 0 && !strstr(c->device, "queue_count=")) /* a veth may have one only */
        snprintf(more, sizeof more, ",queue_count=%u", 1u);
    if (strncmp(c->device, "net_af_packet", 13) == 0 && !strstr(c->device, "qpairs="))
        snprintf(more, sizeof more, ",qpairs=%u", c->workers);
    if (virtual_device(c->device)) {
        add(a, "--no-pci"); /* else it would look at the machine's own cards */
        snprintf(text, sizeof text, "--vdev=%s%s", c->device, more);
    } else {
        snprintf(text, sizeof text, "--allow=%s", c->device);
    }
    add(a, text);
}

int jn_dpdk_eal(const struct jn_dpdk_config *c, struct jn_err *err)
{
    static const cookie_io_functions_t io = {.write = hear};
    static struct args a; /* EAL keeps pointers to them */
    char text[16];

    if (a.n != 0)
        return jn_fail(err, -EALREADY, "DPDK can be started once in a process only");
    FILE *f = fopencookie(NULL, "w", io);
    if (!f)
        return jn_fail(err, -ENOMEM, "no memory for DPDK's messages");
    rte_openlog_stream(f);
    add(&a, "junctor");
    add(&a, "--no-telemetry");
    add_lcores(&a);
    /* Both ways nothing is shared with other DPDK programs, which may so run beside this one. */
    if (c->huge_pages) {
        add(&a, "--in-memory");
    } else {
        add(&a, "--no-huge");
        add(&a, "--no-shconf");
    }
    snprintf(text, sizeof text, "%u", c->memory_mb);
    add(&a, "-m");
    add(&a, text);
    add_device(&a, c);
    int rc = rte_eal_init(a.n, a.v);
    if (rc >= 0)
        return 0;
    rc = rte_errno > 0 ? -rte_errno : -EIO;
    return jn_fail(
        err, rc, "DPDK does not start: %s%s", said.complaint[0] ? said.complaint : rte_strerror(rte_errno),
        c->huge_pages ? " (are huge pages reserved? /proc/sys/vm/nr_hugepages; or media.dpdk.huge_pages: false)" : "");
}
