/* Runs one prompt through the C ABI and prints the output and what the client used: quickstart "Hello".
 *
 * Reads BUILDERAIKITS_API_KEY, and BUILDERAIKITS_BASE_URL for a server other than the official one. To build it:
 *   cargo build -p builderaikits-ffi
 *   cc -I ffi/include examples/c/quickstart.c target/debug/libbuilderaikits_ffi.a -lpthread -lm -ldl -o quickstart
 */
#include <stdio.h>
#include <string.h>

#include "builderaikits.h"

static const uint8_t *bytes(const char *text) { return (const uint8_t *)text; }

/* Prints an error and frees it. */
static int failed(const char *what, baik_1_code code, baik_1_batch error) {
  if (code == BAIK_1_ERROR) {
    baik_1_str display = error.records->display;
    fprintf(stderr, "%s: %.*s\n", what, (int)display.len, (const char *)display.data);
    baik_1_batch_free(error.handle);
  } else {
    fprintf(stderr, "%s: code %d\n", what, (int)code);
  }
  return 1;
}

/* Prints what a client has done so far, as JSON: tokens, cost, and the rate limit in force. */
static void print_usage(uint64_t client) {
  const char *name = "usage";
  baik_1_batch batch = {0};
  baik_1_code code = baik_1_query(client, bytes(name), strlen(name), NULL, 0, &batch);
  if (code != BAIK_1_OK) {
    failed(name, code, batch);
    return;
  }
  baik_1_str json = batch.records->payload;
  printf("usage      %.*s\n", (int)json.len, (const char *)json.data);
  baik_1_batch_free(batch.handle);
}

/* Writes text as the inside of a JSON string. Returns 0 if it does not fit. */
static int escape(char *to, size_t size, const char *text) {
  size_t at = 0;
  for (; *text != 0; text++) {
    unsigned char byte = (unsigned char)*text;
    int plain = byte >= 0x20 && byte != '"' && byte != '\\';
    int written = snprintf(to + at, size - at, plain ? "%c" : "\\u%04x", byte);
    if (written < 0 || (size_t)written >= size - at) {
      return 0;
    }
    at += (size_t)written;
  }
  return 1;
}

int main(int argc, char **argv) {
  char prompt[4096], request[5120];
  if (!escape(prompt, sizeof prompt, argc > 1 ? argv[1] : "Say hello to a new user.")) {
    fprintf(stderr, "the prompt is too long\n");
    return 2;
  }
  snprintf(request, sizeof request, "{\"kit\": \"text-gen\", \"input\": {\"prompt\": \"%s\"}, \"config\": {\"max_tokens\": 500}}", prompt);

  uint64_t client, queue, call;
  baik_1_batch batch = {0};
  baik_1_code code = baik_1_client_new(0, NULL, 0, &client, &batch);
  if (code != BAIK_1_OK) {
    return failed("client", code, batch);
  }
  const char *operation = "kits.run";
  code = baik_1_queue_new(&queue, NULL);
  if (code == BAIK_1_OK) {
    code = baik_1_submit(client, queue, bytes(operation), strlen(operation), bytes(request), strlen(request), NULL, 0, &call, &batch);
  }
  if (code != BAIK_1_OK) {
    return failed("submit", code, batch);
  }

  /* A program with an event loop polls the queue's descriptor instead. */
  int status = 1;
  code = baik_1_drain(queue, 1, 120000, &batch);
  if (code == BAIK_1_OK && batch.count == 1) {
    const baik_1_record *record = batch.records;
    status = record->kind.data == NULL ? 0 : 1;
    baik_1_str text = status == 0 ? record->text : record->display;
    fprintf(status == 0 ? stdout : stderr, "%.*s\n", (int)text.len, (const char *)text.data);
    if (status == 0) {
      printf("\nrun        %.*s\ntokens     %llu in, %llu out\n", (int)record->id.len, (const char *)record->id.data,
             (unsigned long long)record->input_tokens, (unsigned long long)record->output_tokens);
      if (record->flags & BAIK_1_HAS_COST) {
        unsigned long long nano = record->cost_nano_usd;
        printf("cost       %llu.%09llu USD\n", nano / 1000000000, nano % 1000000000);
      }
      print_usage(client);
    }
    baik_1_batch_free(batch.handle);
  }
  baik_1_queue_free(queue);
  baik_1_client_free(client);
  return status;
}
