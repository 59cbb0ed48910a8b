/* Bpf: see bpf.h. */
#include "engine/net/bpf.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOG = 65536 };

void jn_bpf_begin(struct jn_bpf *b)
{
    memset(b, 0, sizeof *b);
    memset(b->label, -1, sizeof b->label);
}

void jn_bpf_put(struct jn_bpf *b, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
    if (b->n == JN_BPF_MAX) {
        b->bad = true;
        return;
    }
    struct bpf_insn *i = &b->at[b->n++];
    i->code = code;
    i->dst_reg = dst & 15u;
    i->src_reg = src & 15u;
    i->off = off;
    i->imm = imm;
}

void jn_bpf_load(struct jn_bpf *b, uint8_t size, uint8_t dst, uint8_t src, int16_t off)
{
    jn_bpf_put(b, (uint8_t)(BPF_LDX | BPF_MEM | size), dst, src, off, 0);
}

void jn_bpf_mov(struct jn_bpf *b, uint8_t dst, uint8_t src)
{
    jn_bpf_put(b, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

void jn_bpf_mov_k(struct jn_bpf *b, uint8_t dst, int32_t k)
{
    jn_bpf_put(b, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, k);
}

static void to_label(struct jn_bpf *b, unsigned label)
{
    if (b->n == 0 || b->fixups == JN_BPF_MAX || label >= JN_BPF_LABELS) {
        b->bad = true;
        return;
    }
    b->fixup[b->fixups].at = (uint16_t)(b->n - 1);
    b->fixup[b->fixups++].label = (uint8_t)label;
}

void jn_bpf_jump_k(struct jn_bpf *b, uint8_t op, uint8_t dst, int32_t k, unsigned label)
{
    jn_bpf_put(b, (uint8_t)(BPF_JMP32 | BPF_K | op), dst, 0, 0, k);
    to_label(b, label);
}

void jn_bpf_jump_null(struct jn_bpf *b, uint8_t dst, unsigned label)
{
    jn_bpf_put(b, BPF_JMP | BPF_K | BPF_JEQ, dst, 0, 0, 0);
    to_label(b, label);
}

void jn_bpf_jump_greater(struct jn_bpf *b, uint8_t dst, uint8_t src, unsigned label)
{
    jn_bpf_put(b, BPF_JMP | BPF_X | BPF_JGT, dst, src, 0, 0);
    to_label(b, label);
}

void jn_bpf_jump(struct jn_bpf *b, unsigned label)
{
    jn_bpf_put(b, BPF_JMP | BPF_JA, 0, 0, 0, 0);
    to_label(b, label);
}

/* The jumps that wait for the label get their distance; the label may be used for others afterwards. */
void jn_bpf_label(struct jn_bpf *b, unsigned label)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < b->fixups; i++) {
        if (b->fixup[i].label == label)
            b->at[b->fixup[i].at].off = (int16_t)(b->n - b->fixup[i].at - 1);
        else
            b->fixup[kept++] = b->fixup[i];
    }
    b->fixups = kept;
}

void jn_bpf_map_fd(struct jn_bpf *b, uint8_t dst, int fd)
{
    jn_bpf_put(b, BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_FD, 0, fd);
    jn_bpf_put(b, 0, 0, 0, 0, 0);
}

void jn_bpf_call(struct jn_bpf *b, int32_t helper)
{
    jn_bpf_put(b, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

void jn_bpf_exit(struct jn_bpf *b)
{
    jn_bpf_put(b, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int bpf(int command, union bpf_attr *attr)
{
    long rc = syscall(SYS_bpf, command, attr, sizeof *attr);
    return rc < 0 ? -errno : (int)rc;
}

int jn_bpf_program(struct jn_bpf *b, uint32_t type, uint32_t attach_type, const char *name, char *said, size_t n)
{
    static const char license[] = "Apache-2.0";
    union bpf_attr attr;

    if (b->bad || b->fixups > 0)
        return -EINVAL;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = type;
    attr.expected_attach_type = attach_type;
    attr.insns = (uint64_t)(uintptr_t)b->at;
    attr.insn_cnt = b->n;
    attr.license = (uint64_t)(uintptr_t)license;
    snprintf(attr.prog_name, sizeof attr.prog_name, "%s", name);
    said[0] = 0;
    int fd = bpf(BPF_PROG_LOAD, &attr);
    if (fd != -EACCES && fd != -EINVAL)
        return fd;
    char *log = calloc(1, LOG);
    if (!log)
        return fd;
    attr.log_buf = (uint64_t)(uintptr_t)log;
    attr.log_size = LOG;
    attr.log_level = 1;
    int again = bpf(BPF_PROG_LOAD, &attr);
    size_t all = strlen(log);
    snprintf(said, n, "%s", all < n ? log : log + all - n + 1); /* its end tells what is wrong */
    free(log);
    return again;
}

int jn_bpf_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, const char *name)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.map_type = type;
    attr.key_size = key;
    attr.value_size = value;
    attr.max_entries = entries;
    snprintf(attr.map_name, sizeof attr.map_name, "%s", name);
    return bpf(BPF_MAP_CREATE, &attr);
}

int jn_bpf_map_set(int map, const void *key, const void *value)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.map_fd = (uint32_t)map;
    attr.key = (uint64_t)(uintptr_t)key;
    attr.value = (uint64_t)(uintptr_t)value;
    return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static int by_id(int command, uint32_t id)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.prog_id = id; /* map_id lies there too */
    return bpf(command, &attr);
}

static int info(int fd, void *out, uint32_t n)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.info.bpf_fd = (uint32_t)fd;
    attr.info.info_len = n;
    attr.info.info = (uint64_t)(uintptr_t)out;
    return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

int jn_bpf_program_name(uint32_t id, char name[static BPF_OBJ_NAME_LEN])
{
    struct bpf_prog_info is;
    int fd = by_id(BPF_PROG_GET_FD_BY_ID, id);

    if (fd < 0)
        return fd;
    memset(&is, 0, sizeof is);
    int rc = info(fd, &is, sizeof is);
    memcpy(name, is.name, BPF_OBJ_NAME_LEN);
    close(fd);
    return rc;
}

/* The map with that id when it is such a one; a descriptor or -errno. */
static int such_map(uint32_t id, uint32_t type, const char *name)
{
    struct bpf_map_info is;
    int fd = by_id(BPF_MAP_GET_FD_BY_ID, id);

    if (fd < 0)
        return fd;
    memset(&is, 0, sizeof is);
    int rc = info(fd, &is, sizeof is);
    if (rc == 0 && is.type == type && strcmp(is.name, name) == 0)
        return fd;
    close(fd);
    return rc < 0 ? rc : -ENOENT;
}

static int map_of_program(uint32_t id, uint32_t type, const char *name)
{
    struct bpf_prog_info is;
    uint32_t maps[32];
    int fd = by_id(BPF_PROG_GET_FD_BY_ID, id), map = -ENOENT;

    if (fd < 0)
        return fd;
    memset(&is, 0, sizeof is);
    is.map_ids = (uint64_t)(uintptr_t)maps;
    is.nr_map_ids = sizeof maps / sizeof *maps;
    if (info(fd, &is, sizeof is) == 0)
        for (uint32_t i = 0; i < is.nr_map_ids && i < sizeof maps / sizeof *maps && map < 0; i++)
            map = such_map(maps[i], type, name);
    close(fd);
    return map;
}

int jn_bpf_find_map(uint32_t type, const char *name, uint32_t program)
{
    int found = program ? map_of_program(program, type, name) : -ENOENT;
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    if (found >= 0)
        return found;
    while (bpf(BPF_MAP_GET_NEXT_ID, &attr) == 0) {
        int one = such_map(attr.next_id, type, name);
        if (one >= 0 && found >= 0)
            close(found);
        found = one >= 0 ? one : found;
        attr.start_id = attr.next_id;
    }
    return found;
}

int jn_bpf_try(int program, const void *frame, size_t n)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.test.prog_fd = (uint32_t)program;
    attr.test.data_in = (uint64_t)(uintptr_t)frame;
    attr.test.data_size_in = (uint32_t)n;
    attr.test.repeat = 1;
    int rc = bpf(BPF_PROG_TEST_RUN, &attr);
    return rc < 0 ? rc : (int)attr.test.retval;
}

int jn_bpf_link(int program, int target, uint32_t attach_type)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.link_create.prog_fd = (uint32_t)program;
    attr.link_create.target_fd = (uint32_t)target;
    attr.link_create.attach_type = attach_type;
    return bpf(BPF_LINK_CREATE, &attr);
}
