/* LINK: jn_net */
#include "engine/net/pcap.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* The bytes are a capture: every datagram lies inside it and can be written again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jn_pcap p;
    struct jn_pcap_udp u, again;
    struct jn_buf b = {0};
    uint64_t n = 0;

    if (jn_pcap_open(&p, data, size, NULL) < 0)
        return 0;
    while (jn_pcap_next(&p, &u, NULL) > 0) {
        n++;
        if (u.data < data || u.len > size || u.data > data + size - u.len || p.off > size)
            abort();
        if (n > 4)
            continue;
        jn_buf_clear(&b);
        jn_pcap_head(&b);
        if (jn_pcap_add(&b, &u) < 0)
            continue;
        struct jn_pcap q;
        if (jn_pcap_open(&q, b.data, b.len, NULL) < 0 || jn_pcap_next(&q, &again, NULL) != 1 || again.len != u.len ||
            !jn_addr_equal(&again.from, &u.from) || !jn_addr_equal(&again.to, &u.to))
            abort();
    }
    if (n != p.counts.datagrams)
        abort();
    jn_buf_free(&b);
    return 0;
}
