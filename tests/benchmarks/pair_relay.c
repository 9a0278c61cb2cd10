// SPDX-License-Identifier: Apache-2.0
//
// pair_relay: the floor of pair_bench. The hops of a pair as small C programs that pass SoupBinTCP
// packets on and do nothing else: no log, no check, no digest, no state.
//
//   pair_relay sequencer SUBMISSIONS_PORT STREAM_PORT   numbers what is submitted, answers with its
//                                                       header, sends it to every reader
//   pair_relay engine INPUT_PORT STREAM_PORT            sends what it reads to every reader
//   pair_relay dedup A_PORT B_PORT STREAM_PORT          sends the first copy of each number
//
// One epoll loop; what one turn brought is sent with one call a connection. Runs until it is
// killed.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kLinksMax = 64, kReceive = 256 << 10, kPrefix = 3, kHeader = 64, kAcknowledgement = 72 };
enum { kNumberAt = 24, kOriginAt = 40 };  // in a message's header

enum Kind { kFree, kListensForClients, kListensForReaders, kClient, kReader, kUpstream };

struct Link {
  enum Kind kind;
  int socket;
  uint8_t* in;
  size_t in_size;
  uint8_t* out;
  size_t out_size, out_sent, out_capacity;
  int waits_to_write;
};

static struct Link links[kLinksMax];
static int epoll_socket;
static uint64_t last_number;
static enum { kSequencer, kEngine, kDedup } role;

static void Fail(const char* what) {
  fprintf(stderr, "pair_relay: %s: %s\n", what, strerror(errno));
  exit(5);
}

static void Watch(struct Link* link, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data = {.ptr = link}};
  if (epoll_ctl(epoll_socket, operation, link->socket, &event) != 0) Fail("epoll_ctl");
}

static struct Link* Add(enum Kind kind, int socket) {
  for (int i = 0; i < kLinksMax; ++i) {
    struct Link* link = &links[i];
    if (link->kind != kFree) continue;
    memset(link, 0, sizeof *link);
    link->kind = kind;
    link->socket = socket;
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
    link->in = malloc(kReceive);
    Watch(link, EPOLL_CTL_ADD, EPOLLIN);
    return link;
  }
  errno = EMFILE;
  Fail("connections");
  return NULL;
}

static void Remove(struct Link* link) {
  close(link->socket);
  free(link->in);
  free(link->out);
  link->kind = kFree;
}

static struct sockaddr_in Loopback(const char* port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void Listen(enum Kind kind, const char* port) {
  const struct sockaddr_in address = Loopback(port);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (const struct sockaddr*)&address, sizeof address) != 0 ||
      listen(listener, kLinksMax) != 0) {
    Fail("listen");
  }
  Add(kind, listener);
}

static void Append(struct Link* link, char type, const uint8_t* payload, size_t size) {
  const size_t need = link->out_size + kPrefix + size;
  if (need > link->out_capacity) {
    link->out_capacity = 2 * need;
    link->out = realloc(link->out, link->out_capacity);
  }
  uint8_t* to = link->out + link->out_size;
  to[0] = (uint8_t)((size + 1) >> 8);
  to[1] = (uint8_t)(size + 1);
  to[2] = (uint8_t)type;
  memcpy(to + kPrefix, payload, size);
  link->out_size = need;
}

static void Connect(const char* port) {
  const struct sockaddr_in address = Loopback(port);
  for (;;) {
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(server, (const struct sockaddr*)&address, sizeof address) == 0) {
      const uint8_t login[46] = {0};
      Append(Add(kUpstream, server), 'L', login, sizeof login);
      return;
    }
    close(server);
    usleep(10000);
  }
}

static void AppendToReaders(const uint8_t* message, size_t size) {
  for (int i = 0; i < kLinksMax; ++i) {
    if (links[i].kind == kReader) Append(&links[i], 'S', message, size);
  }
}

static void OnPacket(struct Link* link, char type, uint8_t* payload, size_t size) {
  uint64_t number;
  if (type == 'L') {
    Append(link, 'A', (const uint8_t*)"RELAY                        1", 30);
  } else if (role == kSequencer && type == 'U' && size >= kHeader) {
    number = ++last_number;
    memcpy(payload + kNumberAt, &number, sizeof number);
    uint8_t acknowledgement[kAcknowledgement] = {0};
    memcpy(acknowledgement, payload, kHeader);
    Append(link, 'S', acknowledgement, sizeof acknowledgement);
    AppendToReaders(payload, size);
  } else if (role != kSequencer && type == 'S' && size >= kHeader) {
    memcpy(&number, payload + kNumberAt, sizeof number);
    if (role == kEngine) {
      memcpy(payload + kOriginAt, &number, sizeof number);
    } else {
      if (number <= last_number) return;
      last_number = number;
    }
    AppendToReaders(payload, size);
  }
}

static void OnReadable(struct Link* link) {
  const ssize_t size = recv(link->socket, link->in + link->in_size, kReceive - link->in_size, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return Remove(link);
  link->in_size += (size_t)size;
  size_t at = 0;
  while (link->in_size - at >= kPrefix) {
    const size_t packet = ((size_t)link->in[at] << 8) + link->in[at + 1] + 2;
    if (link->in_size - at < packet) break;
    OnPacket(link, (char)link->in[at + 2], link->in + at + kPrefix, packet - kPrefix);
    at += packet;
  }
  memmove(link->in, link->in + at, link->in_size - at);
  link->in_size -= at;
}

static void Send(struct Link* link) {
  const ssize_t size =
      send(link->socket, link->out + link->out_sent, link->out_size - link->out_sent, MSG_NOSIGNAL);
  if (size < 0 && errno != EAGAIN) return Remove(link);
  if (size > 0) link->out_sent += (size_t)size;
  const int is_left = link->out_sent < link->out_size;
  if (!is_left) link->out_size = link->out_sent = 0;
  if (is_left != link->waits_to_write) {
    link->waits_to_write = is_left;
    Watch(link, EPOLL_CTL_MOD, is_left ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

int main(int argument_count, char** arguments) {
  epoll_socket = epoll_create1(0);
  const char* name = argument_count > 1 ? arguments[1] : "";
  if (strcmp(name, "sequencer") == 0 && argument_count == 4) {
    role = kSequencer;
    Listen(kListensForClients, arguments[2]);
    Listen(kListensForReaders, arguments[3]);
  } else if (strcmp(name, "engine") == 0 && argument_count == 4) {
    role = kEngine;
    Listen(kListensForReaders, arguments[3]);
    Connect(arguments[2]);
  } else if (strcmp(name, "dedup") == 0 && argument_count == 5) {
    role = kDedup;
    Listen(kListensForReaders, arguments[4]);
    Connect(arguments[2]);
    Connect(arguments[3]);
  } else {
    fprintf(stderr,
            "usage: pair_relay sequencer|engine|dedup PORT...; see the head of its source\n");
    return 2;
  }
  for (;;) {
    for (int i = 0; i < kLinksMax; ++i) {
      if (links[i].out_size > 0 && !links[i].waits_to_write) Send(&links[i]);
    }
    struct epoll_event events[kLinksMax];
    const int count = epoll_wait(epoll_socket, events, kLinksMax, -1);
    for (int i = 0; i < count; ++i) {
      struct Link* link = events[i].data.ptr;
      if (link->kind == kListensForClients || link->kind == kListensForReaders) {
        const int peer = accept(link->socket, NULL, NULL);
        if (peer >= 0) Add(link->kind == kListensForClients ? kClient : kReader, peer);
        continue;
      }
      if (events[i].events & EPOLLOUT) Send(link);
      if (link->kind != kFree && (events[i].events & (EPOLLIN | EPOLLHUP))) OnReadable(link);
    }
  }
}
