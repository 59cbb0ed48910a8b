/* Port, DPDK: media over a network device without the kernel: its own addresses, ARP, ND and ping, one queue pair a
 * worker, buffers that travel from receiving to sending without a copy. Signalling stays on the kernel's stack. */
#ifndef JN_ENGINE_PORT_DPDK_H
#define JN_ENGINE_PORT_DPDK_H

#include "engine/net/port.h"

enum { JN_DPDK_WORKERS = 64, JN_DPDK_DEVICE_MAX = 256 };

struct jn_dpdk; /* the process's device: its ports share it */
/* One address of ours on the device's network. prefix: IPv4 1 .. 31, IPv6 1 .. 127. gateway's family NONE: nobody
 * outside the prefix can be reached from it. vlan: 1 .. 4094, 0 untagged. */
struct jn_dpdk_address {
    struct jn_addr address, gateway;
    uint16_t vlan;
    uint8_t prefix;
};
struct jn_dpdk_config {
    char device[JN_DPDK_DEVICE_MAX]; /* "net_af_packet0,iface=eth1,qpairs=2" or a PCI address "0000:03:00.0" */
    struct jn_addr address, gateway; /* the first address; `more` are the others */
    uint8_t prefix, more_n;
    uint8_t mac[6]; /* all zero: the device's own */
    uint16_t vlan;
    struct jn_dpdk_address more[JN_PORT_PLACES - 1];
    bool huge_pages;
    uint16_t memory_mb;
    uint32_t spare_buffers;      /* beside what queues and workers hold; for a device that holds more */
    uint16_t max_sleep_us;       /* how long a worker without traffic may sleep between two looks; 0: it never sleeps */
    uint16_t port_min, port_max; /* all of media's, for net_af_xdp; 0: every port */
    uint16_t workers;            /* ports that will be opened, 1 .. JN_DPDK_WORKERS */
};
/* Starts DPDK (once a process) and the device. 0 or -errno with the reason: of the device's driver too. */
int jn_dpdk_open(struct jn_dpdk **out, const struct jn_dpdk_config *c, struct jn_err *err);
/* After every port was closed. */
void jn_dpdk_close(struct jn_dpdk *d);
/* How many queue pairs serve the workers: those without one send and receive through others. */
unsigned jn_dpdk_queues(const struct jn_dpdk *d);

/* jn_port_config.back_end is the struct jn_dpdk, index this port's worker; ports are opened before any is used. Each
 * place is one of the device's addresses, each at most once. */
extern const struct jn_port_ops jn_port_dpdk;

#endif
