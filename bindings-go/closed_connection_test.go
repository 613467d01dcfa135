//go:build cgo

package builderaikits_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	sdk "builderaikits.com/sdk"
)

// A server that responds to the head of a request and closes the connection, while the client is still sending. The write
// fails, and must not end the program by SIGPIPE.
func TestWriteToAClosedConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				reader := bufio.NewReader(connection)
				for line := "-"; line != "\r\n" && line != ""; line, _ = reader.ReadString('\n') {
				}
				_, _ = connection.Write([]byte("HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"))
				// A reset after the end of the stream makes the next write fail with EPIPE, which raises SIGPIPE.
				_ = connection.(*net.TCPConn).CloseWrite()
			}()
		}
	}()
	c := client(t, sdk.WithBaseURL("http://"+listener.Addr().String()), sdk.WithMaxRetries(0))
	large := sdk.RunParams{Kit: sdk.KitTextGen, Input: sdk.RunInput{Prompt: strings.Repeat("a", 12<<20)}}
	for range 8 {
		_, err := c.Kits.Run(context.Background(), large)
		if e := new(sdk.Error); !errors.As(err, &e) || e.StatusCode != 413 && e.Kind != sdk.ErrConnection {
			t.Errorf("%#v", err)
		}
	}
}
