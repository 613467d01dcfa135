//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package native

// #include "builderaikits.h"
import "C"

import (
	"math"
	"time"
	"unsafe"
)

// Texts up to this long share one piece of memory. A longer one has its own, so that whoever keeps an id does not
// keep an answer of megabytes.
const shared = 1 << 10

// read copies a record, which holds no longer than its batch.
func (o *Outcome) read(record *C.baik_1_record) {
	texts := [...]*C.baik_1_text{&record.request_id, &record.idempotency_key, &record.id, &record.kit, &record.status,
		&record.text, &record.extra, &record.output_extra, &record.usage_extra, &record.kind, &record.message,
		&record.code}
	into := [...]*string{&o.RequestID, &o.IdempotencyKey, &o.ID, &o.Kit, &o.Status,
		&o.Text, &o.Extra, &o.OutputExtra, &o.UsageExtra, &o.Kind, &o.Message,
		&o.Code}
	headers := unsafe.Slice(record.headers, int(record.header_count))
	size := 0
	for _, text := range texts {
		size += small(text)
	}
	for i := range headers {
		size += small(&headers[i].value)
	}
	room := make([]byte, 0, size)
	for i, text := range texts {
		*into[i] = take(&room, text)
	}
	if record.headers != nil {
		o.Headers = make(map[string][]string, len(headers))
		values := make([]string, len(headers))
		for i := range headers {
			name := Canonical(view(headers[i].name))
			values[i] = take(&room, &headers[i].value)
			if before := o.Headers[name]; before != nil {
				o.Headers[name] = append(before, values[i])
			} else {
				// Full, so that a second value of the name does not overwrite the next header's.
				o.Headers[name] = values[i : i+1 : i+1]
			}
		}
	}
	o.Attempts = int(record.attempts)
	o.Elapsed = nanoseconds(record.elapsed_ns)
	present := record.present
	if record.kind.data == nil {
		o.InputTokens = Count{uint64(record.input_tokens), present&C.BAIK_1_HAS_INPUT_TOKENS != 0}
		o.OutputTokens = Count{uint64(record.output_tokens), present&C.BAIK_1_HAS_OUTPUT_TOKENS != 0}
		o.TotalTokens = Count{uint64(record.total_tokens), present&C.BAIK_1_HAS_TOTAL_TOKENS != 0}
		o.Latency = Count{uint64(record.latency_ms), present&C.BAIK_1_HAS_LATENCY != 0}
		return
	}
	o.HTTPStatus = int(record.http_status)
	if record.body.data != nil {
		o.Body = []byte(copied(record.body))
	}
	if present&C.BAIK_1_HAS_RETRY_AFTER != 0 {
		o.RetryAfter = nanoseconds(record.retry_after_ns)
	}
	o.MayHaveRun = present&C.BAIK_1_MAY_HAVE_RUN != 0
	o.IsRetryable = present&C.BAIK_1_IS_RETRYABLE != 0
}

// small is how much of a text's memory is shared.
func small(text *C.baik_1_text) int {
	if text.len > shared {
		return 0
	}
	return int(text.len)
}

// take copies a text into room, which has as much as small said.
func take(room *[]byte, text *C.baik_1_text) string {
	switch {
	case text.len == 0:
		return ""
	case text.len > shared:
		return copied(*text)
	}
	begin := len(*room)
	*room = append(*room, view(*text)...)
	return unsafe.String(&(*room)[begin], len(*room)-begin)
}

func copied(text C.baik_1_text) string { return string([]byte(view(text))) }

// view is a text where it lies: for no longer than its batch.
func view(text C.baik_1_text) string {
	return unsafe.String((*byte)(text.data), int(text.len))
}

func nanoseconds(ns C.uint64_t) time.Duration { return time.Duration(min(uint64(ns), math.MaxInt64)) }
