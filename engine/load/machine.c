/* Machine: what a result must say about where it was measured. */
#include "engine/base/str.h"
#include "engine/load/report.h"
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void first_line(char *out, size_t size, const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f || !fgets(out, (int)size, f))
        jn_copy(out, size, "?");
    if (f)
        fclose(f);
    out[strcspn(out, "\n")] = 0;
}

static void cpu_name(char *out, size_t size)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    jn_copy(out, size, "?");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        colon[strcspn(colon, "\n")] = 0;
        jn_copy(out, size, colon + 1 + strspn(colon + 1, " "));
        break;
    }
    if (f)
        fclose(f);
}

void jn_load_machine(struct jn_load_machine *m)
{
    struct utsname u;
    memset(m, 0, sizeof *m);
    cpu_name(m->cpu, sizeof m->cpu);
    first_line(m->governor, sizeof m->governor, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    m->cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    if (uname(&u) == 0)
        snprintf(m->kernel, sizeof m->kernel, "%.20s %.90s", u.sysname, u.release);
#ifdef __OPTIMIZE__
    snprintf(m->build, sizeof m->build, "junctor " JUNCTOR_VERSION ", optimised");
#else
    snprintf(m->build, sizeof m->build, "junctor " JUNCTOR_VERSION ", not optimised");
#endif
}
