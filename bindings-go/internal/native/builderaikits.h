/* The C ABI of the BuilderAI Kits SDK. Generated from bindings-go/ffi by cbindgen: do not edit.
 *
 * Handles. Clients, queues and batches are numbers, never pointers. A number that names nothing (freed before, of
 * another kind, made up) gives BAIK_1_NO_SUCH_HANDLE, never undefined behaviour.
 * Text is a pointer and a length, UTF-8, not closed by a NUL; a null pointer with a length of 0 is an empty text.
 * What goes in is copied before the function returns. What comes out lies in a batch, and belongs to it: read it until
 * `baik_1_batch_free`, and free none of it yourself. The library takes no pointer of yours along, keeps nothing per
 * thread, and never calls you.
 * Every function may be called from any thread at any time. After fork without exec, call none in the child.
 * On Linux, where <stdint.h> leaves __GLIBC__ undefined (musl; glibc too with -ffreestanding), the functions are musl's
 * under names of their own, which only a library that was built for musl has.
 * The 1 in the names is the ABI's version: another one has other names, so that a mismatch does not link.
 */

#ifndef BUILDERAIKITS_H
#define BUILDERAIKITS_H

#include <stddef.h>
#include <stdint.h>

/* In a library for musl the functions have names of their own, so that one archive holds both and the C library
 * of the program chooses. */
#if defined(__linux__) && !defined(__GLIBC__)
#define baik_1_abi_version baik_1_musl_abi_version
#define baik_1_client_new baik_1_musl_client_new
#define baik_1_client_close baik_1_musl_client_close
#define baik_1_client_free baik_1_musl_client_free
#define baik_1_queue_new baik_1_musl_queue_new
#define baik_1_queue_free baik_1_musl_queue_free
#define baik_1_submit baik_1_musl_submit
#define baik_1_cancel baik_1_musl_cancel
#define baik_1_drain baik_1_musl_drain
#define baik_1_batch_free baik_1_musl_batch_free
#define baik_1_log_level baik_1_musl_log_level
#define baik_1_logs baik_1_musl_logs
#endif

/**
 * `present` of a record: which numbers the service gave, and what is true.
 */
#define BAIK_1_HAS_INPUT_TOKENS 1

/**
 * See `present`.
 */
#define BAIK_1_HAS_OUTPUT_TOKENS 2

/**
 * See `present`.
 */
#define BAIK_1_HAS_TOTAL_TOKENS 4

/**
 * See `present`.
 */
#define BAIK_1_HAS_LATENCY 8

/**
 * See `present`.
 */
#define BAIK_1_HAS_RETRY_AFTER 16

/**
 * See `present`: the call may have run, and may be billed.
 */
#define BAIK_1_MAY_HAVE_RUN 32

/**
 * See `present`: the call's options would repeat this outcome.
 */
#define BAIK_1_IS_RETRYABLE 64

/**
 * What every function but those that give a number returns.
 */
enum baik_1_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Done.
   */
  BAIK_1_OK = 0,
  /**
   * The core refused, and the batch given for it says why: one record, to be freed.
   */
  BAIK_1_FAILED = 1,
  /**
   * A pointer that must point somewhere is null.
   */
  BAIK_1_NULL = 2,
  /**
   * A handle stands for nothing: freed before, of another kind, or made up.
   */
  BAIK_1_NO_SUCH_HANDLE = 3,
  /**
   * A length is longer than any memory.
   */
  BAIK_1_BAD_LENGTH = 4,
  /**
   * A text is not UTF-8.
   */
  BAIK_1_NOT_UTF8 = 5,
  /**
   * There is nothing to be done: the call had ended before.
   */
  BAIK_1_TOO_LATE = 6,
  /**
   * The system has no descriptor left, or no room for a handle.
   */
  BAIK_1_NO_RESOURCES = 7,
  /**
   * A defect of the library, caught. Please report it.
   */
  BAIK_1_DEFECT = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum baik_1_code baik_1_code;
#else
typedef int32_t baik_1_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * UTF-8 that lies in a batch; not closed by a NUL. `data` is null where there is none.
 */
typedef struct baik_1_text {
  /**
   * Its first byte.
   */
  const uint8_t *data;
  /**
   * Its length in bytes.
   */
  size_t len;
} baik_1_text;

/**
 * One header of an answer. A name that was sent twice stands twice.
 */
typedef struct baik_1_header {
  /**
   * In lower case.
   */
  struct baik_1_text name;
  /**
   * Its value; bytes that are not UTF-8 are replaced by U+FFFD.
   */
  struct baik_1_text value;
} baik_1_header;

/**
 * A run or an error, as the core normalised it. What is absent is a null text or 0.
 */
typedef struct baik_1_record {
  /**
   * The call that ended; 0 for a failure of another function, and for a line of the log.
   */
  uint64_t call;
  /**
   * Null: a run. Else the kind of the error, such as `rate_limit`: an open set. Of a line of the log its level,
   * `info` or `debug`.
   */
  struct baik_1_text kind;
  /**
   * Which of the numbers below the service gave, and what is true: the sum of `BAIK_1_HAS_…` and the like.
   */
  uint32_t present;
  /**
   * Attempts begun.
   */
  uint32_t attempts;
  /**
   * From the start of the call to its end, in nanoseconds.
   */
  uint64_t elapsed_ns;
  /**
   * The service's name for the request.
   */
  struct baik_1_text request_id;
  /**
   * The `Idempotency-Key` of the call.
   */
  struct baik_1_text idempotency_key;
  /**
   * The headers of the answer; null where there was no answer.
   */
  const struct baik_1_header *headers;
  /**
   * How many headers there are.
   */
  size_t header_count;
  /**
   * A run's own name.
   */
  struct baik_1_text id;
  /**
   * The kit that ran.
   */
  struct baik_1_text kit;
  /**
   * How the run ended.
   */
  struct baik_1_text status;
  /**
   * What the kit answered. Never null in a run.
   */
  struct baik_1_text text;
  /**
   * Tokens of prompt and context.
   */
  uint64_t input_tokens;
  /**
   * Tokens of the answer.
   */
  uint64_t output_tokens;
  /**
   * Both together.
   */
  uint64_t total_tokens;
  /**
   * How long the service worked, in milliseconds.
   */
  uint64_t latency_ms;
  /**
   * Fields of the run that this version does not know, as a JSON object; null where there are none.
   */
  struct baik_1_text extra;
  /**
   * The same, of its output.
   */
  struct baik_1_text output_extra;
  /**
   * The same, of its usage.
   */
  struct baik_1_text usage_extra;
  /**
   * An error's message alone; of a line of the log the line.
   */
  struct baik_1_text message;
  /**
   * One line for a person: status, message, request id, attempts.
   */
  struct baik_1_text line;
  /**
   * The HTTP status of the answer.
   */
  uint32_t http_status;
  /**
   * The service's own code.
   */
  struct baik_1_text code;
  /**
   * What the service sent, as received: bytes, not always UTF-8.
   */
  struct baik_1_text body;
  /**
   * How long the service asked to wait, in nanoseconds.
   */
  uint64_t retry_after_ns;
} baik_1_record;

/**
 * Records, and the memory that they point into.
 */
typedef struct baik_1_batch {
  /**
   * Names the batch for `baik_1_batch_free`; 0: there is nothing in it and nothing to free.
   */
  uint64_t handle;
  /**
   * The first record.
   */
  const struct baik_1_record *records;
  /**
   * How many records there are.
   */
  size_t count;
  /**
   * Not 0: more calls have ended; drain again.
   */
  uint32_t more;
} baik_1_batch;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the ABI that the names carry.
 */
uint32_t baik_1_abi_version(void);

/**
 * Makes a client. `base` 0: with the options of the environment, and those in `options` over them. `base` a client: a
 * copy of it with these options, which shares its connections, retry budget and slots, and closes with it.
 *
 * `options` is a JSON object (or nothing), under the names of the SDK's documentation, times in milliseconds as
 * `timeout_ms`, `attempt_timeout_ms`, `connect_timeout_ms`; beside them `language`, the host's, of up to 16 small
 * letters, for the `User-Agent`.
 *
 * `*client` belongs to the caller: `baik_1_client_free`. On `BAIK_1_FAILED` `*failure` does: `baik_1_batch_free`.
 *
 * # Safety
 *
 * `options` points to `options_len` bytes. `client` and `failure` can be written; `failure` may be null.
 */
baik_1_code baik_1_client_new(uint64_t base,
                              const uint8_t *options,
                              size_t options_len,
                              uint64_t *client,
                              struct baik_1_batch *failure);

/**
 * Closes a client and all copies of it: new calls are refused, those in flight finish. Its handle stays.
 */
baik_1_code baik_1_client_close(uint64_t client);

/**
 * Gives a client's handle back. Its calls in flight finish; copies of it stay as they are.
 */
baik_1_code baik_1_client_free(uint64_t client);

/**
 * Makes a queue that calls end in. One is enough for a process.
 *
 * `*descriptor` becomes readable when the queue goes from empty to not empty: an eventfd on Linux, a pipe elsewhere,
 * not blocking, closed on exec; -1 on Windows, where hosts block in `baik_1_drain`. It belongs to the queue: do not
 * close it. A host that polls it reads 8 bytes, then drains until `more` is 0; one that is told of each change
 * (EPOLLET) need not read an eventfd at all.
 *
 * `*queue` belongs to the caller: `baik_1_queue_free`.
 *
 * # Safety
 *
 * `queue` and `descriptor` can be written; `descriptor` may be null.
 */
baik_1_code baik_1_queue_new(uint64_t *queue,
                             int32_t *descriptor);

/**
 * Gives a queue back: all its calls are given up, whoever blocks in `baik_1_drain` comes back, and its descriptor is
 * closed once no other thread uses the queue.
 */
baik_1_code baik_1_queue_free(uint64_t queue);

/**
 * Begins a call that ends in `queue` once, under `*call` (which may be 0), unless it is cancelled. Returns at
 * once.
 *
 * `request` is the request as JSON on the wire: kit, input, config. `options` is a JSON object (or nothing) of
 * `timeout_ms`, `max_retries`, `retry_ambiguous`, `idempotency_key`, `headers`; `deadline_ms`, which is a limit of
 * time as well: the shorter of the two counts; and `waited_ms`, how long the call waited in the host already: that
 * is part of its time.
 *
 * On `BAIK_1_FAILED` nothing was begun, and `*failure` belongs to the caller: `baik_1_batch_free`.
 *
 * # Safety
 *
 * `request` and `options` point to so many bytes. `call` and `failure` can be written; `failure` may be null.
 */
baik_1_code baik_1_submit(uint64_t client,
                          uint64_t queue,
                          const uint8_t *request,
                          size_t request_len,
                          const uint8_t *options,
                          size_t options_len,
                          uint64_t *call,
                          struct baik_1_batch *failure);

/**
 * Gives a call up: its request is aborted, and it never ends in the queue. `BAIK_1_TOO_LATE`: it has ended, and is
 * there to be drained, or was.
 */
baik_1_code baik_1_cancel(uint64_t queue,
                          uint64_t call);

/**
 * Takes up to `most` calls that have ended, oldest first, after blocking for up to `wait_ms` while there are none (0:
 * not at all). None there: `batch->handle` is 0, and there is nothing to free.
 *
 * Else `*batch` belongs to the caller: `baik_1_batch_free`.
 *
 * # Safety
 *
 * `batch` can be written.
 */
baik_1_code baik_1_drain(uint64_t queue,
                         size_t most,
                         uint32_t wait_ms,
                         struct baik_1_batch *batch);

/**
 * Frees a batch, and all memory that its records point into.
 */
baik_1_code baik_1_batch_free(uint64_t batch);

/**
 * Sets how much is logged from now on, by all clients: 0 nothing, 1 waits before a repeat, 2 attempts too, and -1
 * what `BUILDERAIKITS_LOG` asks for. Gives what then holds.
 */
int32_t baik_1_log_level(int32_t level);

/**
 * Takes what was logged since the last time, oldest first: records with `kind` and `message`. The oldest of more than
 * some thousands are gone. Nothing there: `batch->handle` is 0.
 *
 * Else `*batch` belongs to the caller: `baik_1_batch_free`.
 *
 * # Safety
 *
 * `batch` can be written.
 */
baik_1_code baik_1_logs(struct baik_1_batch *batch);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BUILDERAIKITS_H */
