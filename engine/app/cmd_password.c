/* `junctor password`: what a centre's YAML holds in place of passwords. The secret comes from standard input, never
 * from the command line, where every process could read it. */
#include "engine/api/api.h"
#include "engine/app/cmd.h"
#include "engine/app/config_centre.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { SECRET_MIN = 6, SECRET_BYTES = 256 };

static const char help[] =
    "usage: junctor password hash            the password's hash, for agents[].password\n"
    "       junctor password ha1 USER REALM  the digest secret, for agents[].phone.ha1; REALM is\n"
    "                                        the tenant's domain\n"
    "Reads the password or secret from standard input: its first line, at least 6 characters.\n"
    "Exit code: 0 done, 1 it could not be made, 2 wrong use.\n";

/* Reads a line, without echo when a person types. False, having said why, when it is unusable. */
static bool read_secret(char out[static SECRET_BYTES])
{
    struct termios was, quiet;
    bool typed = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &was);
    bool got;
    size_t n;

    if (typed) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        fputs("password: ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    got = fgets(out, SECRET_BYTES, stdin) != NULL;
    if (typed) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputc('\n', stderr);
    }
    n = got ? strlen(out) : 0;
    if (got && n == SECRET_BYTES - 1 && out[n - 1] != '\n') {
        fprintf(stderr, "junctor password: longer than %d bytes\n", SECRET_BYTES - 2);
        return false;
    }
    while (n && (out[n - 1] == '\n' || out[n - 1] == '\r'))
        out[--n] = 0;
    if (n < SECRET_MIN) {
        fprintf(stderr, "junctor password: at least %d characters are wanted on standard input\n", SECRET_MIN);
        return false;
    }
    return true;
}

int jn_cmd_password(int argc, char *argv[])
{
    char secret[SECRET_BYTES], hash[JN_SECRET_MAX], ha1[33];
    bool hashing = argc == 2 && !strcmp(argv[1], "hash"), digest = argc == 4 && !strcmp(argv[1], "ha1");
    bool made = false;

    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(help, stdout);
            return 0;
        }
    if (!hashing && !digest) {
        fputs(help, stderr);
        return 2;
    }
    if (read_secret(secret)) {
        made = hashing ? jn_password_hash(hash, secret) == 0 : jn_ha1(ha1, argv[2], argv[3], secret);
        if (made)
            puts(hashing ? hash : ha1);
        else
            fputs("junctor password: OpenSSL could not compute it\n", stderr);
    }
    explicit_bzero(secret, sizeof secret);
    return made ? 0 : 1;
}
