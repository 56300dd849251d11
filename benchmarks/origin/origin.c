/*
 * The server that the benchmarks run against: HTTP/1.1 over epoll, one thread, every answer prepared
 * before the first connection. It must be far cheaper than any client, or it would be what is measured.
 *
 *   origin [--json FILE] [--tls CERTIFICATE KEY]
 *
 * It listens on a port that the system chooses, at every address of 127.0.0.0/8, so that it can be as many
 * servers as are wanted; prints {"port":…,"tlsPort":…}, and exits when its standard input closes.
 *
 *   GET  /200          200 bytes, the head of a usual API answer
 *   GET  /64k          65,536 bytes
 *   GET  /1g           1 GiB with a Content-Length
 *   GET  /chunked16k   1 GiB in chunks of 16 KiB
 *   GET  /chunked1k    256 MiB in chunks of 1 KiB
 *   GET  /json         FILE, which is gzip
 *   GET  /session      sets a cookie
 *   GET  /bytes/N      N bytes
 *   GET  /fields/N     200 bytes, and N header fields besides those of every answer
 *   GET  /unfinished   a head that promises 64 KiB, of which none come
 *   GET  /hold/N       answered when N of them wait: the client must have N connections open
 *   POST anything      reads the body (by length or chunked), answers {"length":N}
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "answers.h"
#include "wire.h"

enum { HEAD_LIMIT = 8192, EVENTS = 512 };

typedef enum { LISTENER, TLS_LISTENER, STANDARD_INPUT, CONNECTION } Kind;
typedef enum { IN_HEAD, IN_BODY, IN_CHUNK_SIZE, IN_CHUNK, IN_CHUNK_END, IN_TRAILER } Reading;

typedef struct Connection {
  Kind kind; /* first, as in every object epoll hands back */
  int fd;
  Session *tls;             /* NULL: plain */
  Reading reading;
  uint64_t left;            /* of the body, or of the chunk, that is being read */
  uint64_t length;          /* of the body so far */
  size_t have;              /* bytes in `in`: the head that is being read, and what was pipelined behind it */
  const Response *sending;  /* NULL: nothing to send */
  uint64_t sent;
  bool awaiting_writable;
  bool is_held;
  struct Connection *next_held;
  Response answer; /* of this connection alone: a POST's */
  char answer_bytes[256];
  char in[HEAD_LIMIT];
} Connection;

typedef struct { Kind kind; int fd; } Source;

static int epoll;
static char scratch[1 << 20]; /* request bodies land here and are forgotten */
static Connection *held;
static unsigned held_count;

/* ---- sending ---- */

static void await_writable(Connection *c, bool yes) {
  if (c->awaiting_writable == yes) return;
  c->awaiting_writable = yes;
  /* While an answer is stuck nothing more is read: a client that does not read is not read from. */
  struct epoll_event event = {.events = yes ? EPOLLOUT : EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

/* Sends what it can. False: the connection broke. */
static bool flush(Connection *c) {
  while (c->sending) {
    const Response *r = c->sending;
    uint64_t at = c->sent, blocks = r->block_length * r->repeat;
    const char *from;
    size_t length;
    if (at < r->head_length) {
      from = r->head + at, length = r->head_length - at;
    } else if ((at -= r->head_length) < blocks) {
      from = r->block + at % r->block_length, length = r->block_length - at % r->block_length;
    } else if ((at -= blocks) < r->tail_length) {
      from = r->tail + at, length = r->tail_length - at;
    } else {
      c->sending = NULL;
      break;
    }
    ssize_t n = transmit(c->fd, c->tls, from, length, blocks + r->tail_length && c->sent < r->head_length);
    if (n < 0) return false;
    if (n == 0) return await_writable(c, true), true;
    c->sent += n;
  }
  return await_writable(c, false), true;
}

static void respond(Connection *c, const Response *response) {
  c->sending = response;
  c->sent = 0;
}

/* ---- requests ---- */

/* A barrier: nobody is answered before `wanted` connections wait. */
static void hold(Connection *c, unsigned wanted) {
  c->is_held = true;
  c->next_held = held;
  held = c;
  if (++held_count < wanted) return;
  while (held) {
    Connection *one = held;
    held = one->next_held;
    one->is_held = false;
    respond(one, &empty);
    flush(one); /* what broke is reported by epoll, and closed there */
  }
  held_count = 0;
}

static const char *field(const char *head, const char *name) {
  const char *line = strcasestr(head, name);
  return line ? line + strlen(name) : NULL;
}

static void body_ended(Connection *c) {
  int length = snprintf(c->answer_bytes + 160, 64, "{\"length\":%llu}", (unsigned long long)c->length);
  int head = snprintf(c->answer_bytes, 160, "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", length);
  memmove(c->answer_bytes + head, c->answer_bytes + 160, length);
  c->answer = (Response){.head = c->answer_bytes, .head_length = head + length};
  c->reading = IN_HEAD;
  respond(c, &c->answer);
}

/* So many bytes: blocks, and what is left of one. */
static void send_bytes(Connection *c, uint64_t length) {
  int head = snprintf(c->answer_bytes, sizeof c->answer_bytes, "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: application/octet-stream\r\nContent-Length: %llu\r\n\r\n", (unsigned long long)length);
  c->answer = (Response){c->answer_bytes, block, block, head, BLOCK, length % BLOCK, length / BLOCK};
  respond(c, &c->answer);
}

/* `head` ends in NUL where its empty line begins. */
static void request(Connection *c, char *head) {
  if (!strncmp(head, "GET /hold/", 10)) return hold(c, atoi(head + 10));
  if (!strncmp(head, "GET /bytes/", 11)) return send_bytes(c, strtoull(head + 11, NULL, 10));
  if (!strncmp(head, "GET ", 4)) return respond(c, resource(head + 4));
  const char *length = field(head, "\r\ncontent-length:");
  c->length = 0;
  c->left = length ? strtoull(length, NULL, 10) : 0;
  if (field(head, "\r\ntransfer-encoding:")) c->reading = IN_CHUNK_SIZE;
  else if (c->left) c->reading = IN_BODY;
  else body_ended(c);
}

/* Eats body bytes, and says how many it took: all of them, or those to the body's end. */
static size_t eat_body(Connection *c, const char *bytes, size_t n) {
  size_t i = 0;
  while (i < n && c->reading != IN_HEAD) {
    if (c->reading == IN_BODY || c->reading == IN_CHUNK) {
      size_t part = n - i < c->left ? n - i : c->left;
      i += part, c->left -= part, c->length += part;
      if (c->left) continue;
      if (c->reading == IN_BODY) body_ended(c);
      else c->reading = IN_CHUNK_END;
      continue;
    }
    char byte = bytes[i++];
    if (c->reading == IN_CHUNK_SIZE) { /* chunk extensions are not expected of these clients */
      if (byte == '\n') c->reading = c->left ? IN_CHUNK : IN_TRAILER;
      else if (byte != '\r') c->left = c->left * 16 + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
    } else if (byte == '\n') {
      if (c->reading == IN_TRAILER) body_ended(c);
      else c->reading = IN_CHUNK_SIZE, c->left = 0;
    }
  }
  return i;
}

/* Handles what `in` holds until it runs out or an answer is stuck. False: close the connection. */
static bool advance(Connection *c) {
  while (c->have && !c->sending && !c->is_held) {
    size_t used;
    if (c->reading == IN_HEAD) {
      char *end = memmem(c->in, c->have, "\r\n\r\n", 4);
      if (!end) return c->have < HEAD_LIMIT;
      *end = 0;
      used = end + 4 - c->in;
      request(c, c->in);
    } else {
      used = eat_body(c, c->in, c->have);
    }
    c->have -= used;
    if (c->have) memmove(c->in, c->in + used, c->have);
    if (!flush(c)) return false;
  }
  return true;
}

/* ---- connections ---- */

static void close_connection(Connection *c) {
  for (Connection **at = &held; *at; at = &(*at)->next_held) {
    if (*at != c) continue;
    *at = c->next_held;
    held_count--;
    break;
  }
  end_session(c->tls);
  close(c->fd);
  free(c);
}

static void serve(Connection *c, uint32_t events) {
  if (events & EPOLLOUT) {
    if (!flush(c) || !advance(c)) return close_connection(c);
    if (c->awaiting_writable) return;
  }
  do {
    bool in_body = c->reading != IN_HEAD;
    ssize_t n = in_body ? receive(c->fd, c->tls, scratch, sizeof scratch)
                        : receive(c->fd, c->tls, c->in + c->have, HEAD_LIMIT - c->have);
    if (n < 0) return close_connection(c);
    if (n == 0) return;
    if (in_body) {
      size_t used = eat_body(c, scratch, n), rest = n - used;
      if (rest > HEAD_LIMIT || !flush(c)) return close_connection(c);
      memcpy(c->in, scratch + used, rest);
      c->have = rest;
    } else {
      c->have += n;
    }
    if (!advance(c)) return close_connection(c);
  } while (!c->sending && has_decrypted(c->tls));
}

static void watch(int fd, void *source) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(Source *listener) {
  struct sockaddr_in peer;
  for (int fd; (fd = accept4(listener->fd, (void *)&peer, &(socklen_t){sizeof peer}, SOCK_NONBLOCK)) >= 0;) {
    if (ntohl(peer.sin_addr.s_addr) >> 24 != 127) { /* there is no listening on a network of addresses alone */
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    Connection *c = calloc(1, sizeof *c);
    c->kind = CONNECTION;
    c->fd = fd;
    if (listener->kind == TLS_LISTENER) c->tls = start_session(fd);
    watch(fd, c);
  }
}

static int listen_on_free_port(Kind kind) {
  Source *listener = malloc(sizeof *listener);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
  socklen_t length = sizeof address;
  *listener = (Source){kind, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
  if (listener->fd < 0 || bind(listener->fd, (void *)&address, length) || listen(listener->fd, 4096)) die("listen");
  getsockname(listener->fd, (void *)&address, &length);
  watch(listener->fd, listener);
  return ntohs(address.sin_port);
}

int main(int count, char **words) {
  const char *json_file = NULL, *certificate = NULL, *key = NULL;
  for (int i = 1; i < count; i++) {
    if (!strcmp(words[i], "--json") && i + 1 < count) json_file = words[++i];
    else if (!strcmp(words[i], "--tls") && i + 2 < count) certificate = words[++i], key = words[++i];
    else return fprintf(stderr, "usage: origin [--json FILE] [--tls CERTIFICATE KEY]\n"), 2;
  }
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
  prepare(json_file);
  if ((epoll = epoll_create1(0)) < 0) die("epoll");

  int port = listen_on_free_port(LISTENER);
  bool tls = certificate && use_certificate(certificate, key);
  printf("{\"port\":%d,\"tlsPort\":%d}\n", port, tls ? listen_on_free_port(TLS_LISTENER) : 0);
  fflush(stdout);

  Source input = {STANDARD_INPUT, 0};
  watch(0, &input);
  for (struct epoll_event events[EVENTS];;) {
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      Source *source = events[i].data.ptr;
      if (source->kind == CONNECTION) serve((Connection *)source, events[i].events);
      else if (source->kind != STANDARD_INPUT) accept_all(source);
      else if (read(0, scratch, sizeof scratch) <= 0) return 0;
    }
  }
}
