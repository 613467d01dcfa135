//go:build cgo

package builderaikits_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	sdk "builderaikits.com/sdk"
)

const runJSON = `{"id":"run_1","kit":"text-gen","status":"completed","output":{"text":"hi"},"usage":{"total_tokens":2}}`

var hello = sdk.RunParams{Kit: sdk.KitTextGen, Input: sdk.RunInput{Prompt: "Hello"}}

// TestMain starts a sandbox for all tests. With TEST_ROLE it runs the function of that role instead: some tests start this
// program as a separate process.
func TestMain(m *testing.M) {
	if role := roles[os.Getenv("TEST_ROLE")]; role != nil {
		role()
		return
	}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "BUILDERAIKITS_") || strings.HasSuffix(strings.ToLower(name), "_proxy") {
			os.Unsetenv(name)
		}
	}
	url, stop, err := sandbox(target("debug", "builderaikits-sandbox"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "the sandbox did not start; `make go-test` builds it:", err)
		os.Exit(1)
	}
	os.Setenv("BUILDERAIKITS_API_KEY", "bak_test")
	os.Setenv("BUILDERAIKITS_BASE_URL", url)
	code := m.Run()
	stop()
	os.Exit(code)
}

// target returns the path of a file that cargo or make built.
func target(path ...string) string {
	folder := os.Getenv("CARGO_TARGET_DIR")
	if folder == "" {
		folder = "target"
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join("..", folder)
	}
	return filepath.Join(append([]string{folder}, path...)...)
}

func sandbox(program string, flags ...string) (url string, stop func(), err error) {
	command := exec.Command(program, append([]string{"--port", "0"}, flags...)...)
	out, err := command.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	stop = func() { _ = command.Process.Kill(); _ = command.Wait() }
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on ")), stop, err
}

func client(t testing.TB, options ...sdk.Option) *sdk.Client {
	t.Helper()
	c, err := sdk.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// service is a server with a handler of the test.
type service struct {
	*httptest.Server
	received chan struct{} // one value for each request
	closed   chan struct{} // of a silent service: one value for each request that the client aborted
}

func (s *service) URL() string { return s.Server.URL + "/v1" }

func serve(t testing.TB, handler http.HandlerFunc) *service {
	t.Helper()
	s := &service{received: make(chan struct{}, 20_000)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.received <- struct{}{}
		handler(w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// silent starts a service that never responds.
func silent(t testing.TB) *service {
	closed := make(chan struct{}, 20_000)
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		closed <- struct{}{}
	})
	s.closed = closed
	return s
}

// respond returns a handler that always sends the same response.
func respond(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// closedPort returns a base URL whose port is closed.
func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String() + "/v1"
}

func run(t testing.TB, c *sdk.Client, params sdk.RunParams, options ...sdk.RunOption) *sdk.Run {
	t.Helper()
	result, err := c.Kits.Run(context.Background(), params, options...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
