/* Supervised system calls, at the least that they can cost.
 *
 *   supervise caller NUMBER    makes getppid(2) NUMBER times, and prints the nanoseconds of one
 *   supervise always NUMBER    does that under a filter whose every notice this process answers
 *                              with "go on": poll, receive, send (seccomp_unotify(2))
 *   supervise least NUMBER     the same without poll: the end is seen by receive (Linux 6.11)
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUST(call)                                                                              \
  do {                                                                                          \
    if ((long)(call) < 0) {                                                                     \
      perror(#call);                                                                            \
      _exit(127);                                                                               \
    }                                                                                           \
  } while (0)

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static void caller(int number) {
  double start = now();
  for (int i = 0; i < number; i++) syscall(SYS_getppid);
  printf("%.0f\n", (now() - start) / number);
  fflush(stdout);
}

/* One byte and one descriptor over a socket, to send (fd >= 0) or to receive. */
static int pass(int socket, int fd) {
  char byte = 'x';
  struct iovec part = {&byte, 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
  } control;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  if (fd < 0) {
    MUST(recvmsg(socket, &message, 0));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
  }
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  MUST(sendmsg(socket, &message, 0));
  return fd;
}

static void supervised(int socket, int number) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  MUST(listener);
  pass(socket, listener);
  close(listener);
  caller(number);
}

static void answer_all(int listener, int polls) {
#ifdef SECCOMP_IOCTL_NOTIF_SET_FLAGS
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
#else
  ioctl(listener, _IOW('!', 4, __u64), 1L);
#endif
  for (;;) {
    struct pollfd polled = {listener, POLLIN, 0};
    if (polls) MUST(poll(&polled, 1, -1));
    if (polls && !(polled.revents & POLLIN)) return;
    struct seccomp_notif notice;
    memset(&notice, 0, sizeof notice);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice)) {
      if (polls) continue;
      return;
    }
    struct seccomp_notif_resp answer = {.id = notice.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}

int main(int count, char **words) {
  if (count != 3) return 2;
  int number = atoi(words[2]), sockets[2];
  if (!strcmp(words[1], "caller")) {
    caller(number);
    return 0;
  }
  MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
  pid_t child = fork();
  MUST(child);
  if (!child) {
    supervised(sockets[1], number);
    return 0;
  }
  int listener = pass(sockets[0], -1);
  close(sockets[0]);
  close(sockets[1]);
  answer_all(listener, strcmp(words[1], "least"));
  waitpid(child, NULL, 0);
  return 0;
}
