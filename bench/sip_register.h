/* SIP register: one phone's REGISTER (RFC 3261 10, RFC 2617 with MD5 and qop=auth) as text, for benchmarks. */
#ifndef JN_BENCH_SIP_REGISTER_H
#define JN_BENCH_SIP_REGISTER_H

#include "engine/base/str.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define BENCH_DOMAIN "bench.test"

static inline void register_md5(char out[33], const char *text)
{
    static EVP_MD *md5;
    static EVP_MD_CTX *ctx;
    unsigned char d[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!md5) {
        md5 = EVP_MD_fetch(NULL, "MD5", NULL);
        ctx = EVP_MD_CTX_new();
    }
    EVP_DigestInit_ex2(ctx, md5, NULL);
    EVP_DigestUpdate(ctx, text, strlen(text));
    EVP_DigestFinal_ex(ctx, d, &n);
    jn_hex(out, d, 16);
}

/* The secret of phone p<i>, as the centre's YAML has it. */
static inline void register_ha1(char out[33], unsigned i)
{
    char text[128];
    snprintf(text, sizeof text, "p%u:" BENCH_DOMAIN ":secret%u", i, i);
    register_md5(out, text);
}

/* nonce NULL: without credentials. Returns the length. */
static inline int register_text(char *out, size_t size, unsigned i, uint32_t cseq, unsigned port, const char *ha1,
                                const char *nonce)
{
    char auth[400] = "", text[512], ha2[33], response[33];
    if (nonce) {
        register_md5(ha2, "REGISTER:sip:" BENCH_DOMAIN);
        snprintf(text, sizeof text, "%s:%s:00000001:c:auth:%s", ha1, nonce, ha2);
        register_md5(response, text);
        snprintf(auth, sizeof auth,
                 "Authorization: Digest username=\"p%u\", realm=\"" BENCH_DOMAIN
                 "\", nonce=\"%s\", uri=\"sip:" BENCH_DOMAIN
                 "\", response=\"%s\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n",
                 i, nonce, response);
    }
    return snprintf(out, size,
                    "REGISTER sip:" BENCH_DOMAIN
                    " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%u-%u;rport\r\n"
                    "Max-Forwards: 70\r\nFrom: <sip:p%u@" BENCH_DOMAIN ">;tag=t%u\r\nTo: <sip:p%u@" BENCH_DOMAIN ">\r\n"
                    "Call-ID: %u@bench\r\nCSeq: %u REGISTER\r\nContact: <sip:p%u@127.0.0.1:%u>\r\nExpires: 3600\r\n"
                    "User-Agent: bench\r\n%sContent-Length: 0\r\n\r\n",
                    port, i, cseq, i, i, i, i, cseq, i, port, auth);
}

#endif
