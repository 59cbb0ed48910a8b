/* Holder: see holder.h. The kernel names a socket's inode in /proc/net, and each process its own in /proc/PID/fd. */
#include "engine/app/holder.h"
#include "engine/base/str.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INODES_MAX = 16, TCP_LISTEN = 10 };

struct inodes {
    unsigned long at[INODES_MAX];
    unsigned n;
};

/* One line of /proc/net/{udp,tcp}: "sl: LOCAL:PORT REMOTE:PORT ST ... uid timeout inode". */
static void look(struct inodes *in, const char *table, unsigned port, bool tcp)
{
    char line[512];
    FILE *f = fopen(table, "re");

    if (!f)
        return;
    while (in->n < INODES_MAX && fgets(line, sizeof line, f)) {
        unsigned local, state;
        unsigned long inode;
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu", &local, &state,
                   &inode) == 3 &&
            local == port && inode && (!tcp || state == TCP_LISTEN))
            in->at[in->n++] = inode;
    }
    fclose(f);
}

static bool has(const char *pid, const struct inodes *in)
{
    char dir[300], path[600], target[64];
    bool found = false;

    snprintf(dir, sizeof dir, "/proc/%s/fd", pid);
    DIR *d = opendir(dir);
    if (!d)
        return false;
    for (struct dirent *e; !found && (e = readdir(d));) {
        unsigned long inode;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
        if (sscanf(target, "socket:[%lu]", &inode) == 1)
            for (unsigned i = 0; i < in->n; i++)
                found |= in->at[i] == inode;
    }
    closedir(d);
    return found;
}

static void name_of(const char *pid, char *out, size_t size)
{
    char path[300], name[64] = "";
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *f = fopen(path, "re");
    if (f) {
        if (!fgets(name, sizeof name, f))
            name[0] = 0;
        fclose(f);
    }
    name[strcspn(name, "\n")] = 0;
    for (char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    snprintf(out, size, "%s (pid %s)", name[0] ? name : "a process", pid);
}

bool jn_port_holder(unsigned port, char *out, size_t size)
{
    struct inodes in = {.n = 0};
    bool found = false;

    look(&in, "/proc/net/udp", port, false);
    look(&in, "/proc/net/udp6", port, false);
    look(&in, "/proc/net/tcp", port, true);
    look(&in, "/proc/net/tcp6", port, true);
    jn_copy(out, size, in.n ? "another user's process" : "nobody that can be seen");
    DIR *d = in.n ? opendir("/proc") : NULL;
    for (struct dirent *e; d && !found && (e = readdir(d));)
        if (isdigit((unsigned char)e->d_name[0]) && (found = has(e->d_name, &in)))
            name_of(e->d_name, out, size);
    if (d)
        closedir(d);
    return in.n > 0;
}
