/* Runs one prompt through the C ABI and prints what came back: quickstart "Hello".
 *
 * Reads BUILDERAIKITS_API_KEY, and BUILDERAIKITS_BASE_URL where that is not the service itself. To build it:
 *   cc -I bindings-go/internal/native examples/c/quickstart.c libbuilderaikits.a -lpthread -lm -ldl
 */
#include <stdio.h>
#include <string.h>

#include "builderaikits.h"

static const uint8_t *bytes(const char *text) { return (const uint8_t *)text; }

/* Prints what went wrong, and gives its memory back. */
static int failed(const char *what, baik_1_code code, baik_1_batch failure) {
  if (code == BAIK_1_FAILED) {
    baik_1_text line = failure.records->line;
    fprintf(stderr, "%s: %.*s\n", what, (int)line.len, (const char *)line.data);
    baik_1_batch_free(failure.handle);
  } else {
    fprintf(stderr, "%s: code %d\n", what, (int)code);
  }
  return 1;
}

/* Writes text as a JSON string. Gives 0 where there is no room. */
static int quote(char *to, size_t room, const char *text) {
  size_t at = 0;
  for (; *text != 0; text++) {
    unsigned char byte = (unsigned char)*text;
    int plain = byte >= 0x20 && byte != '"' && byte != '\\';
    int written = snprintf(to + at, room - at, plain ? "%c" : "\\u%04x", byte);
    if (written < 0 || (size_t)written >= room - at) {
      return 0;
    }
    at += (size_t)written;
  }
  return 1;
}

int main(int argc, char **argv) {
  char prompt[4096], request[5120];
  if (!quote(prompt, sizeof prompt, argc > 1 ? argv[1] : "Say hello to a new user.")) {
    fprintf(stderr, "the prompt is too long\n");
    return 2;
  }
  snprintf(request, sizeof request, "{\"kit\": \"text-gen\", \"input\": {\"prompt\": \"%s\"}, \"config\": {\"max_tokens\": 500}}", prompt);

  uint64_t client, queue, call;
  baik_1_batch batch;
  baik_1_code code = baik_1_client_new(0, NULL, 0, &client, &batch);
  if (code != BAIK_1_OK) {
    return failed("client", code, batch);
  }
  code = baik_1_queue_new(&queue, NULL);
  if (code == BAIK_1_OK) {
    code = baik_1_submit(client, queue, bytes(request), strlen(request), NULL, 0, &call, &batch);
  }
  if (code != BAIK_1_OK) {
    return failed("submit", code, batch);
  }

  /* A program with a loop of events polls the queue's descriptor instead. */
  int status = 1;
  code = baik_1_drain(queue, 1, 120000, &batch);
  if (code == BAIK_1_OK && batch.count == 1) {
    const baik_1_record *record = batch.records;
    baik_1_text text = record->kind.data == NULL ? record->text : record->line;
    status = record->kind.data == NULL ? 0 : 1;
    fprintf(status == 0 ? stdout : stderr, "%.*s\n", (int)text.len, (const char *)text.data);
    if (status == 0) {
      printf("\nrun        %.*s\ntokens     %llu in, %llu out\n", (int)record->id.len, (const char *)record->id.data,
             (unsigned long long)record->input_tokens, (unsigned long long)record->output_tokens);
    }
    baik_1_batch_free(batch.handle);
  }
  baik_1_queue_free(queue);
  baik_1_client_free(client);
  return status;
}
