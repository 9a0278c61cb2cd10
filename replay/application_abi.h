// SPDX-License-Identifier: Apache-2.0
//
// The entry points of an application that is a shared library: plain C, versioned, and nothing but
// bytes go through them. The library has its own Protobuf, its own pools and its own heap; neither
// side sees the other's. In C++ TANDEM_APPLICATION (engine/export_application.h) makes them, and
// LoadApplication (replay/shared_application.h) uses them.
//
// A library exports two functions and nothing else:
//
//   uint32_t tandem_application_abi(void);                        TANDEM_APPLICATION_ABI
//   const struct TandemApplicationV3* tandem_application_v3(void);
//
// The number grows with every change of what is below, of the message header or of the resume
// point, and the second function's name with it. One thread: the one that loaded the library.
#ifndef TANDEM_REPLAY_APPLICATION_ABI_H_
#define TANDEM_REPLAY_APPLICATION_ABI_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TANDEM_APPLICATION_ABI 3u

/* Where the state is to live; see pools/zone.h. */
struct TandemZoneV3 {
  uint64_t address;
  uint64_t reserve_bytes;
  uint64_t limit_bytes; /* 0: none */
  /* For `tandem check`; see pools/perturbation.h. 0: none. */
  uint64_t chain_seed;
  uint64_t fill;
};

/* Where the outputs of a step go. */
struct TandemOutputsV3 {
  void* host;
  /* Appends a message; returns where its payload goes. `user`: 8 bytes, blank for all. */
  unsigned char* (*append)(void* host, uint16_t type, const char* user, uint64_t payload_size);
};

/* Where the state lies, as replay::StatePlace has it: a zone, which the host reads and restores as
 * memory. */
struct TandemStateV3 {
  uint64_t zone_address;
  uint64_t layout;
  const char* build; /* lives as long as the application */
};

struct TandemApplicationV3 {
  uint32_t size;               /* of this struct */
  uint32_t header_bytes;       /* of a message's header */
  uint32_t resume_point_bytes; /* of replay::ResumePoint */
  uint32_t behaviour_version;  /* the newest that the library knows */
  const char* name;

  /* A new application with empty state. Null: `error` says why, in up to `error_size` bytes with
   * the zero at the end. */
  void* (*make)(const struct TandemZoneV3* zone, char* error, uint64_t error_size);
  void (*destroy)(void* application);
  /* A serialised FileDescriptorSet of all its messages; lives as long as the application. */
  const unsigned char* (*schema)(void* application, uint64_t* size);
  /* Read and written by the host between steps. */
  void* (*resume_point)(void* application);
  void (*state)(void* application, struct TandemStateV3* state);
  /* Takes a message that is for the application, header and payload. */
  void (*step)(void* application, const unsigned char* message, uint64_t size,
               const struct TandemOutputsV3* outputs);
  /* The header of another input: time has come so far. */
  void (*on_time)(void* application, const unsigned char* header,
                  const struct TandemOutputsV3* outputs);
  /* For `tandem check`, between steps: puts the state's free memory into another order. Returns how
   * many blocks that were. */
  uint64_t (*shuffle_free)(void* application, uint64_t seed);
  /* The state as records (replay/portable.h). Their schema, as above; size 0: there is no such
   * form. */
  const unsigned char* (*portable_schema)(void* application, uint64_t* size);
  /* Calls `put` with each record. */
  void (*save_portable)(void* application, void* host,
                        void (*put)(void* host, uint16_t type, const char* payload, uint64_t size));
  /* Takes a record, header and payload. Not 0: `error` says why it cannot. */
  int32_t (*load_portable)(void* application, const unsigned char* message, uint64_t size,
                           char* error, uint64_t error_size);
  /* For drills: damages the state and says where, in up to `size` bytes; "": nothing to damage. */
  void (*plant_fault)(void* application, char* text, uint64_t size);
};

uint32_t tandem_application_abi(void);
const struct TandemApplicationV3* tandem_application_v3(void);

#ifdef __cplusplus
}
#endif

#endif /* TANDEM_REPLAY_APPLICATION_ABI_H_ */
