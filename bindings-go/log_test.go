//go:build cgo

package builderaikits_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	sdk "builderaikits.com/sdk"
)

func TestLogs(t *testing.T) {
	var first sync.Once
	s := serve(t, respond(200, runJSON))
	flaky := serve(t, func(w http.ResponseWriter, r *http.Request) {
		status := 200
		first.Do(func() { status = 503 })
		respond(status, runJSON)(w, r)
	})
	for _, row := range []struct {
		service *service
		level   slog.Level
		words   []string
		silent  bool
	}{
		{flaky, slog.LevelInfo, []string{"level=INFO"}, false},
		{s, slog.LevelDebug, []string{"level=DEBUG", "attempt"}, false},
		{s, slog.LevelError, nil, true},
	} {
		var text bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: row.level}))
		c := client(t, sdk.WithBaseURL(row.service.URL()), sdk.WithAPIKey("bak_canary"), sdk.WithLogger(logger))
		run(t, c, sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: "canary"}})
		for _, word := range row.words {
			if !strings.Contains(text.String(), word) {
				t.Errorf("%s is missing in %q", word, text.String())
			}
		}
		if strings.Contains(text.String(), "canary") || row.silent != (text.Len() == 0) {
			t.Errorf("%q", text.String())
		}
	}
	client(t, sdk.WithLogger(nil))
}
