/* Registers: phones that register with digest at the real daemon: REGISTER, 401, REGISTER, 200. The daemon has one core
 * and this program, which plays all the phones over one socket, another. Arguments: seconds, phones, in flight. */
#include "engine/base/clock.h"
#include "engine/base/str.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 25060, AGAIN_MS = 500, MESSAGE = 2048 };
#define DOMAIN "bench.test"

struct phone {
    char ha1[33];
    uint32_t cseq;
    uint64_t began_ns, sent_ns; /* 0: idle */
    bool proof;                 /* its REGISTER with credentials is out */
    char nonce[80];
};
static struct phone *phones;
static unsigned n_phones = 10000, window = 256;
static int fd;
static EVP_MD *md5;
static EVP_MD_CTX *ctx;
static uint64_t done, again, busy, other, slowest_ns, total_ns;
static unsigned in_flight;

static void hash(char out[33], const char *text)
{
    unsigned char d[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_DigestInit_ex2(ctx, md5, NULL);
    EVP_DigestUpdate(ctx, text, strlen(text));
    EVP_DigestFinal_ex(ctx, d, &n);
    jn_hex(out, d, 16);
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Sends the REGISTER that phone i is at. */
static void ask(unsigned i, uint64_t now)
{
    struct phone *p = &phones[i];
    char auth[400] = "", text[MESSAGE], ha2[33], response[33];
    if (p->proof) {
        hash(ha2, "REGISTER:sip:" DOMAIN);
        snprintf(text, sizeof text, "%s:%s:00000001:c:auth:%s", p->ha1, p->nonce, ha2);
        hash(response, text);
        snprintf(auth, sizeof auth,
                 "Authorization: Digest username=\"p%u\", realm=\"" DOMAIN "\", nonce=\"%s\", uri=\"sip:" DOMAIN
                 "\", response=\"%s\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n",
                 i, p->nonce, response);
    }
    int n = snprintf(text, sizeof text,
                     "REGISTER sip:" DOMAIN " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%u-%u;rport\r\n"
                     "Max-Forwards: 70\r\nFrom: <sip:p%u@" DOMAIN ">;tag=t%u\r\nTo: <sip:p%u@" DOMAIN ">\r\n"
                     "Call-ID: %u@bench\r\nCSeq: %u REGISTER\r\nContact: <sip:p%u@127.0.0.1:%u>\r\nExpires: 3600\r\n"
                     "User-Agent: bench\r\n%sContent-Length: 0\r\n\r\n",
                     PORT + 1, i, p->cseq, i, i, i, i, p->cseq, i, PORT + 1, auth);
    p->sent_ns = now;
    if (send(fd, text, (size_t)n, 0) < 0 && errno != EAGAIN && errno != ECONNREFUSED)
        die("send");
}

static void begin(unsigned i, uint64_t now)
{
    struct phone *p = &phones[i];
    p->proof = false;
    p->cseq++;
    p->began_ns = now;
    in_flight++;
    ask(i, now);
}

static void answered(char *text, uint64_t now)
{
    const char *id = strstr(text, "\nCall-ID:"), *nonce;
    unsigned i = id ? (unsigned)strtoul(id + 9, NULL, 10) : n_phones;
    int status = atoi(text + 8);
    const char *cseq = strstr(text, "\nCSeq:");
    if (i >= n_phones || !phones[i].sent_ns || !cseq || strtoul(cseq + 6, NULL, 10) != phones[i].cseq)
        return; /* an answer that was sent twice */
    struct phone *p = &phones[i];
    if (status == 401 && !p->proof && (nonce = strstr(text, "nonce=\""))) {
        jn_copy_n(p->nonce, sizeof p->nonce, nonce + 7, strcspn(nonce + 7, "\""));
        p->proof = true;
        p->cseq++;
        ask(i, now);
        return;
    }
    p->sent_ns = 0;
    in_flight--;
    if (status == 200) {
        uint64_t took = now - p->began_ns;
        done++;
        total_ns += took;
        slowest_ns = took > slowest_ns ? took : slowest_ns;
    } else if (status == 503) {
        busy++;
    } else {
        other++;
    }
}

static void receive(uint64_t now)
{
    char text[MESSAGE];
    for (ssize_t n; (n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT)) > 0;) {
        text[n] = 0;
        answered(text, now);
    }
}

/* Registers phones one after the other, again and again, so many at a time, for that long. */
static double load_for(uint64_t ns)
{
    uint64_t start = jn_mono_ns(), now = start, swept = start;
    unsigned next = 0;
    done = again = busy = other = slowest_ns = total_ns = 0;
    while (now - start < ns) {
        struct pollfd f = {.fd = fd, .events = POLLIN};
        for (unsigned tried = 0; in_flight < window && tried < n_phones; tried++, next = (next + 1) % n_phones)
            if (!phones[next].sent_ns)
                begin(next, now);
        poll(&f, 1, 20);
        now = jn_mono_ns();
        receive(now);
        if (now - swept < UINT64_C(100000000))
            continue;
        swept = now;
        for (unsigned i = 0; i < n_phones; i++)
            if (phones[i].sent_ns && now - phones[i].sent_ns > AGAIN_MS * UINT64_C(1000000)) {
                again++;
                ask(i, now);
            }
    }
    return (double)done / ((double)(now - start) / 1e9);
}

static void write_centre(const char *dir)
{
    char path[512], text[128];
    snprintf(path, sizeof path, "%s/centre.yaml", dir);
    FILE *f = fopen(path, "w");
    if (!f)
        die(path);
    fprintf(f, "version: 1\ntenants:\n  - name: bench\n    domain: " DOMAIN "\n    queues: [{name: q}]\n    agents:\n");
    for (unsigned i = 0; i < n_phones; i++) {
        snprintf(text, sizeof text, "p%u:" DOMAIN ":secret%u", i, i);
        hash(phones[i].ha1, text);
        fprintf(f, "      - {name: p%u, phone: {user: p%u, ha1: %s}}\n", i, i, phones[i].ha1);
    }
    fclose(f);
    snprintf(path, sizeof path, "%s/junctor.yaml", dir);
    f = fopen(path, "w");
    if (!f)
        die(path);
    fprintf(f,
            "version: 1\ndata_dir: data\ncentre: centre.yaml\nsip: {port: %d, max_registers_per_s: 1000000}\n"
            "media: {port_min: 26000, port_max: 26099}\napi: {port: %d}\nsounds: []\nlog: {level: warn}\n",
            PORT, PORT + 2);
    fclose(f);
}

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

static pid_t start(const char *dir)
{
    char self[512], config[600];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 32);
    if (n < 0)
        die("readlink");
    self[n] = 0;
    strcpy(strrchr(self, '/'), "/../junctor");
    snprintf(config, sizeof config, "%s/junctor.yaml", dir);
    pid_t pid = fork();
    if (pid)
        return pid;
    pin(0);
    execl(self, self, "run", "--config", config, (char *)NULL);
    die(self);
    return 0;
}

/* Seconds of processor time that the process has used. */
static double cpu_of(pid_t pid)
{
    char path[64], text[1024];
    unsigned long user = 0, sys = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    const char *p = strrchr(text, ')');
    if (p)
        sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

int main(int argc, char *argv[])
{
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
    n_phones = argc > 2 ? (unsigned)atoi(argv[2]) : n_phones;
    window = argc > 3 ? (unsigned)atoi(argv[3]) : window;
    char dir[] = "/tmp/junctor-registers-XXXXXX";
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_port = htons(PORT + 1), .sin_addr.s_addr = htonl(0x7f000001)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(0x7f000001)};
    int room = 8 << 20, status;
    phones = calloc(n_phones, sizeof *phones);
    md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    ctx = EVP_MD_CTX_new();
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!phones || !md5 || !ctx || !mkdtemp(dir) || fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me))
        die("registers");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    write_centre(dir);
    pid_t engine = start(dir);
    pin(1);
    if (connect(fd, (struct sockaddr *)&to, sizeof to))
        die("connect");
    double rate = 0;
    for (int i = 0; i < 300 && !done; i++) { /* until it answers */
        if (waitpid(engine, &status, WNOHANG) == engine)
            return fprintf(stderr, "the engine ended at its start\n"), 1;
        load_for(100000000);
    }
    double cpu = cpu_of(engine);
    rate = load_for(seconds * UINT64_C(1000000000));
    cpu = cpu_of(engine) - cpu;
    printf("%llu registrations of %u phones, %u in flight, in %u s; sent again %llu, 503 %llu, other answers %llu\n",
           (unsigned long long)done, n_phones, window, seconds, (unsigned long long)again, (unsigned long long)busy,
           (unsigned long long)other);
    printf("FIGURE sip_registers_per_s %.0f registrations/s\n", rate);
    printf("FIGURE sip_register_cpu %.0f us\n", done ? cpu * 1e6 / (double)done : 0);
    printf("FIGURE sip_register_mean %.1f ms\n", done ? (double)total_ns / (double)done / 1e6 : 0);
    printf("FIGURE sip_register_slowest %.1f ms\n", (double)slowest_ns / 1e6);
    kill(engine, SIGTERM);
    waitpid(engine, &status, 0);
    char clean[600];
    snprintf(clean, sizeof clean, "rm -rf '%s'", dir);
    return system(clean) || !done || other;
}
