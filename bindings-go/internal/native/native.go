//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package native

/*
#include "builderaikits.h"

#ifdef __ANDROID__
#error "builderaikits: there is no core of the SDK for Android"
#endif

#cgo noescape baik_1_client_new
#cgo nocallback baik_1_client_new
#cgo noescape baik_1_submit
#cgo nocallback baik_1_submit
#cgo nocallback baik_1_cancel
#cgo noescape baik_1_drain
#cgo nocallback baik_1_drain
#cgo nocallback baik_1_batch_free
#cgo noescape baik_1_logs
#cgo nocallback baik_1_logs
*/
import "C"

import (
	"context"
	"fmt"
	"time"
	"unsafe"
)

// NewClient makes a client, or a copy of base where that is not 0. The error is nil, an [ErrUnavailable] or a defect;
// what the core refuses is an Outcome.
func NewClient(base uint64, options []byte) (client uint64, refused *Outcome, err error) {
	if _, err := process(); err != nil {
		return 0, nil, err
	}
	var handle C.uint64_t
	var failure C.baik_1_batch
	code := C.baik_1_client_new(C.uint64_t(base), bytesOf(options), C.size_t(len(options)), &handle, &failure)
	if refused, err = failed("client_new", code, &failure); err != nil || refused != nil {
		return 0, refused, err
	}
	return uint64(handle), nil, nil
}

// CloseClient closes a client and its copies.
func CloseClient(client uint64) { C.baik_1_client_close(C.uint64_t(client)) }

// FreeClient gives a client back.
func FreeClient(client uint64) { C.baik_1_client_free(C.uint64_t(client)) }

// LogLevel sets how much is logged: 0 nothing, 1 info, 2 debug, -1 as the environment says. It tells what then holds.
func LogLevel(level int) int { return int(C.baik_1_log_level(C.int32_t(level))) }

// Logs takes what was logged since the last time.
func Logs() []Log {
	var batch C.baik_1_batch
	if C.baik_1_logs(&batch) != C.BAIK_1_OK || batch.handle == 0 {
		return nil
	}
	defer C.baik_1_batch_free(batch.handle)
	lines := make([]Log, 0, int(batch.count))
	for _, record := range unsafe.Slice(batch.records, int(batch.count)) {
		lines = append(lines, Log{Debug: copied(record.kind) == "debug", Message: copied(record.message)})
	}
	return lines
}

// Whoever begins or cancels a call holds one of these. A call into C that takes over 20 µs loses its place to run Go code to
// another thread, which Go makes and keeps: 10,000 goroutines that begin a call at once could make as many. To cancel has
// places of its own, since to begin takes long where a prompt is long.
var (
	begins  = make(chan struct{}, 8)
	cancels = make(chan struct{}, 8)
)

// begin takes a place to begin a call, and tells how long it waited for that. False: ctx ended before, and none is taken.
func begin(ctx context.Context) (waited time.Duration, took bool) {
	select {
	case begins <- struct{}{}:
		return 0, true
	default:
	}
	came := time.Now()
	select {
	case begins <- struct{}{}:
	case <-ctx.Done():
		return 0, false
	}
	// Both may have come at once.
	if ctx.Err() != nil {
		<-begins
		return 0, false
	}
	return time.Since(came), true
}

// with adds how long a call has waited to its options: to the user that is part of its time.
func with(waited time.Duration, options []byte) []byte {
	rest := []byte("}")
	if len(options) > 0 {
		rest = append([]byte(","), options[1:]...)
	}
	return fmt.Appendf(nil, `{"waited_ms":%g%s`, float64(waited)/float64(time.Millisecond), rest)
}

// submit begins a call. It copies request and options before it returns.
func submit(ctx context.Context, client, queue uint64, request, options []byte) (call uint64, refused *Outcome, err error) {
	var id C.uint64_t
	var failure C.baik_1_batch
	waited, took := begin(ctx)
	if !took {
		return 0, nil, ErrNotBegun
	}
	if waited > 0 {
		options = with(waited, options)
	}
	code := C.baik_1_submit(C.uint64_t(client), C.uint64_t(queue), bytesOf(request), C.size_t(len(request)),
		bytesOf(options), C.size_t(len(options)), &id, &failure)
	<-begins
	if code == C.BAIK_1_OK {
		return uint64(id), nil, nil
	}
	refused, err = failed("submit", code, &failure)
	return 0, refused, err
}

// cancel gives a call up. False: it has ended, and its end is or was there to be drained.
func cancel(queue, call uint64) bool {
	cancels <- struct{}{}
	code := C.baik_1_cancel(C.uint64_t(queue), C.uint64_t(call))
	<-cancels
	return code == C.BAIK_1_OK
}

// drain hands calls that have ended to end, whose record holds no longer than that, until there are none.
func drain(queue uint64, waitMS uint32, end func(call uint64, record *C.baik_1_record)) {
	const most = 256
	var batch C.baik_1_batch
	for {
		code := C.baik_1_drain(C.uint64_t(queue), most, C.uint32_t(waitMS), &batch)
		if code != C.BAIK_1_OK || batch.handle == 0 {
			return
		}
		records := unsafe.Slice(batch.records, int(batch.count))
		for i := range records {
			end(uint64(records[i].call), &records[i])
		}
		C.baik_1_batch_free(batch.handle)
		if batch.more == 0 {
			return
		}
	}
}

func failed(function string, code C.baik_1_code, failure *C.baik_1_batch) (*Outcome, error) {
	switch {
	case code == C.BAIK_1_OK:
		return nil, nil
	case code == C.BAIK_1_FAILED && failure.count == 1:
		refused := new(Outcome)
		refused.read(failure.records)
		C.baik_1_batch_free(failure.handle)
		return refused, nil
	default:
		return nil, fmt.Errorf("baik_1_%s gave %d: %w", function, int(code), errDefect)
	}
}

// bytesOf is where bytes begin. None for none.
func bytesOf(bytes []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(bytes)) }
