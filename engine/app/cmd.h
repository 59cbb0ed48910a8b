/* Cmd: the verbs of `junctor`, one file each (cmd_*.c). Each gets argv after the verb, prints its help on --help, and
 * returns the exit code: 0 done, 1 not as hoped (said why), 2 wrong use, 3 something is missing on this machine. */
#ifndef JN_ENGINE_CMD_H
#define JN_ENGINE_CMD_H

int jn_cmd_run(int argc, char *argv[]);      /* app: the daemon */
int jn_cmd_check(int argc, char *argv[]);    /* check FILE: both YAML files, every mistake */
int jn_cmd_classify(int argc, char *argv[]); /* classify scan --centre FILE --tenant NAME: lines in, JSON lines out */
int jn_cmd_rec(int argc, char *argv[]);      /* rec list|verify|export */
int jn_cmd_replay(int argc, char *argv[]);   /* replay DATA_DIR: the same commands, hash-compared */
int jn_cmd_replay_pcap(int argc, char *argv[]);   /* replay --pcap: a capture through the media plane */
int jn_cmd_replay_policy(int argc, char *argv[]); /* replay --policy, --day: what if */
int jn_cmd_status(int argc, char *argv[]);        /* by API */
int jn_cmd_report(int argc, char *argv[]);        /* by API */
int jn_cmd_apply(int argc, char *argv[]);         /* by API */
int jn_cmd_drain(int argc, char *argv[]);         /* by API */
int jn_cmd_password(int argc, char *argv[]);      /* hashes a password, or makes a digest secret, for centre.yaml */
int jn_cmd_log(int argc, char *argv[]);           /* by API: what is logged */
int jn_cmd_why(int argc, char *argv[]);           /* by API: why this agent */
int jn_cmd_audit(int argc, char *argv[]);         /* by API */
int jn_cmd_token(int argc, char *argv[]);         /* by API: a token for a program */
int jn_cmd_trace(int argc, char *argv[]);         /* by API: one call's SIP and media */
int jn_cmd_load(int argc, char *argv[]);          /* calls and chats against any system, measured */
int jn_cmd_version(int argc, char *argv[]);
int jn_cmd_backup(int argc, char *argv[]);  /* a copy of a data folder, engine running or not */
int jn_cmd_restore(int argc, char *argv[]); /* a data folder out of such a copy */

#endif
