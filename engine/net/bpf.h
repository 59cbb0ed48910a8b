/* Bpf: programs for the kernel, written here instruction by instruction and given to it as they are: no compiler, no
 * object file. Only what this folder needs of the system call bpf(2); everything is gone when its descriptor is closed,
 * but for what is attached to an interface (port_dpdk_xdp.c). */
#ifndef JN_ENGINE_BPF_H
#define JN_ENGINE_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JN_BPF_MAX = 1024, JN_BPF_LABELS = 16 };

/* A program under construction. Jumps go forward to labels (0 .. JN_BPF_LABELS-1), which are set later. */
struct jn_bpf {
    struct bpf_insn at[JN_BPF_MAX];
    unsigned n, fixups;
    struct {
        uint16_t at;
        uint8_t label;
    } fixup[JN_BPF_MAX];
    int16_t label[JN_BPF_LABELS];
    bool bad; /* too long, or a jump to nowhere */
};
void jn_bpf_begin(struct jn_bpf *b);
void jn_bpf_put(struct jn_bpf *b, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm);
/* dst = *(size *)(src + off); size BPF_B, BPF_H, BPF_W or BPF_DW. */
void jn_bpf_load(struct jn_bpf *b, uint8_t size, uint8_t dst, uint8_t src, int16_t off);
void jn_bpf_mov(struct jn_bpf *b, uint8_t dst, uint8_t src);
void jn_bpf_mov_k(struct jn_bpf *b, uint8_t dst, int32_t k);
/* Jumps to label when dst op k holds: BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JLT (32 bits, unsigned). */
void jn_bpf_jump_k(struct jn_bpf *b, uint8_t op, uint8_t dst, int32_t k, unsigned label);
/* Jumps when a pointer is null: the only comparison that the kernel's checker takes for it. */
void jn_bpf_jump_null(struct jn_bpf *b, uint8_t dst, unsigned label);
/* Jumps when dst > src (64 bits): packet bounds. */
void jn_bpf_jump_greater(struct jn_bpf *b, uint8_t dst, uint8_t src, unsigned label);
void jn_bpf_jump(struct jn_bpf *b, unsigned label);
void jn_bpf_label(struct jn_bpf *b, unsigned label);
void jn_bpf_map_fd(struct jn_bpf *b, uint8_t dst, int fd);
void jn_bpf_call(struct jn_bpf *b, int32_t helper);
void jn_bpf_exit(struct jn_bpf *b);

/* Each a descriptor, or -errno. said: what the kernel's checker complains of, "" when nothing. */
int jn_bpf_program(struct jn_bpf *b, uint32_t type, uint32_t attach_type, const char *name, char *said, size_t n);
int jn_bpf_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, const char *name);
int jn_bpf_map_set(int map, const void *key, const void *value);
/* The name of a program by its id. 0 or -errno. */
int jn_bpf_program_name(uint32_t id, char name[static BPF_OBJ_NAME_LEN]);
/* A map of that type and name: one that the program with that id uses, otherwise the newest. A descriptor or -errno. */
int jn_bpf_find_map(uint32_t type, const char *name, uint32_t program);
/* Runs a program on a frame; what it returns, or -errno. */
int jn_bpf_try(int program, const void *frame, size_t n);
/* Attaches a program to a network namespace until the returned descriptor is closed. */
int jn_bpf_link(int program, int target, uint32_t attach_type);

#endif
