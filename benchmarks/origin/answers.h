/* Every answer of origin.c, prepared once. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 20, MOST_FIELDS = 100 };

/* What is sent: a head, one block so many times over, a tail. Small answers are all head: one write. */
typedef struct {
  const char *head, *block, *tail;
  size_t head_length, block_length, tail_length;
  uint64_t repeat;
} Response;

static Response small, medium, large, chunked16k, chunked1k, json, session_cookie, empty, unfinished, not_found;
static Response with_fields[MOST_FIELDS + 1];
static char *block; /* of payload */

static void die(const char *what) {
  perror(what);
  exit(1);
}

static const char COMMON[] = "Date: Sat, 21 Nov 2026 10:00:00 GMT\r\nServer: origin\r\nCache-Control: no-cache\r\n"
                             "X-Request-Id: 7c1f0f6e-5b0a-4f0e-9d0c-2f1a6f1f5a10\r\n";

static Response whole(const char *fields, const char *body, size_t length) {
  size_t limit = 1024 + strlen(fields);
  char *bytes = malloc(limit + length);
  int head = snprintf(bytes, limit, "HTTP/1.1 200 OK\r\n%s%sContent-Length: %zu\r\n\r\n", COMMON, fields, length);
  memcpy(bytes + head, body, length);
  return (Response){.head = bytes, .head_length = head + length};
}

static Response repeated(const char *framing, const char *block, size_t length, uint64_t repeat, const char *tail) {
  char *head;
  int head_length = asprintf(&head, "HTTP/1.1 200 OK\r\n%sContent-Type: application/octet-stream\r\n%s\r\n\r\n", COMMON, framing);
  return (Response){head, block, tail, head_length, length, strlen(tail), repeat};
}

/* 1 MiB of payload, cut into chunks of `size`. */
static Response chunked(size_t size, uint64_t repeat) {
  char *block = malloc(2 * BLOCK), *to = block;
  for (size_t done = 0; done < BLOCK; done += size) {
    to += sprintf(to, "%zx\r\n", size);
    memset(to, 'x', size);
    to += size;
    *to++ = '\r', *to++ = '\n';
  }
  return repeated("Transfer-Encoding: chunked", block, to - block, repeat, "0\r\n\r\n");
}

static Response file(const char *path) {
  static char content[BLOCK];
  FILE *in = fopen(path, "rb");
  if (!in) die(path);
  size_t length = fread(content, 1, BLOCK, in);
  fclose(in);
  return whole("Content-Type: application/json\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n", content, length);
}

static void prepare(const char *json_file) {
  static char body[65536];
  memset(body, 'x', sizeof body);
  block = malloc(BLOCK);
  memset(block, 'x', BLOCK);
  small = whole("Content-Type: text/plain; charset=utf-8\r\n", body, 200);
  medium = whole("Content-Type: application/octet-stream\r\n", body, sizeof body);
  large = repeated("Content-Length: 1073741824", block, BLOCK, 1024, "");
  chunked16k = chunked(16384, 1024);
  chunked1k = chunked(1024, 256);
  session_cookie = whole("Content-Type: text/plain\r\nSet-Cookie: session=4f0e9d0c2f1a6f1f5a10; Path=/; HttpOnly\r\n", "", 0);
  char fields[64 + MOST_FIELDS * 48] = "Content-Type: text/plain; charset=utf-8\r\n", *end = fields + strlen(fields);
  for (int i = 0; i <= MOST_FIELDS; i++) {
    with_fields[i] = whole(fields, body, 200);
    end += sprintf(end, "X-Field-%d: value-of-field-number-%d\r\n", i, i);
  }
  unfinished = repeated("Content-Length: 65536", "", 0, 0, "");
  empty = whole("Content-Type: text/plain\r\n", "", 0);
  static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  not_found = (Response){.head = missing, .head_length = sizeof missing - 1};
  json = json_file ? file(json_file) : not_found;
}

static const Response *resource(const char *path) {
  static const struct { const char *path; const Response *response; } table[] = {
    {"/200 ", &small}, {"/64k ", &medium}, {"/json ", &json}, {"/1g ", &large},
    {"/chunked16k ", &chunked16k}, {"/chunked1k ", &chunked1k}, {"/session ", &session_cookie},
    {"/unfinished ", &unfinished},
  };
  if (!strncmp(path, "/fields/", 8)) return atoi(path + 8) > MOST_FIELDS ? &not_found : &with_fields[atoi(path + 8)];
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (!strncmp(path, table[i].path, strlen(table[i].path))) return table[i].response;
  return &not_found;
}
