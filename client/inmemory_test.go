package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/client"
)

func get(t *testing.T, ctx context.Context, h http.HandlerFunc) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://test/path?q=1", nil)
	require.NoError(t, err)
	return client.InMemory(h).RoundTrip(req)
}

func TestInMemory_StreamsWhileTheHandlerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resp, err := get(t, t.Context(), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Seen", r.RequestURI)
			w.WriteHeader(http.StatusAccepted)
			w.Header().Set("X-Late", "not sent")
			for i := range 3 {
				time.Sleep(time.Hour)
				fmt.Fprintf(w, "%d\n", i)
			}
		})
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, resp.StatusCode)
		require.Equal(t, "/path?q=1", resp.Header.Get("X-Seen"))
		require.Empty(t, resp.Header.Get("X-Late"))
		start := time.Now()
		lines := bufio.NewScanner(resp.Body)
		for i := range 3 {
			require.True(t, lines.Scan())
			require.Equal(t, fmt.Sprint(i), lines.Text())
			require.Equal(t, time.Duration(i+1)*time.Hour, time.Since(start))
		}
		require.False(t, lines.Scan())
		require.NoError(t, lines.Err())
		require.NoError(t, resp.Body.Close())
	})
}

func TestInMemory_ClosingTheBodyEndsTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		resp, err := get(t, t.Context(), func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			time.Sleep(time.Minute) // tidying up
			ended = true
		})
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.True(t, ended, "Close waits")
	})
}

func TestInMemory_CancelEndsBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := get(t, ctx, hanging)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var failure error
		resp, err := get(t, ctx, func(w http.ResponseWriter, _ *http.Request) {
			for failure == nil {
				_, failure = w.Write(make([]byte, 4096)) // the reader is slow: this blocks
			}
		})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = io.Copy(io.Discard, resp.Body)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		resp.Body.Close()
		require.ErrorIs(t, failure, context.DeadlineExceeded)
	})
}

func TestInMemory_PanicsAreErrors(t *testing.T) {
	_, err := get(t, t.Context(), func(http.ResponseWriter, *http.Request) { panic("oh") })
	require.ErrorContains(t, err, "handler panicked: oh")

	resp, err := get(t, t.Context(), func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		panic(http.ErrAbortHandler)
	})
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.Equal(t, "half", string(body))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestInMemory_UpgradesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		echo := func(w http.ResponseWriter, _ *http.Request) {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello\n")
			for {
				line, err := buffered.ReadString('\n')
				if err != nil {
					return
				}
				fmt.Fprint(conn, strings.ToUpper(line))
			}
		}
		resp, err := get(t, t.Context(), echo)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
		require.Equal(t, "echo", resp.Header.Get("Upgrade"))
		conn := resp.Body.(io.ReadWriteCloser)
		lines := bufio.NewReader(conn)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "hello\n", line)
		fmt.Fprintln(conn, "shout")
		line, err = lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "SHOUT\n", line)
		require.NoError(t, conn.Close())

		t.Log("the end of the context closes the connection")
		ctx, cancel := context.WithCancel(t.Context())
		resp, err = get(t, ctx, echo)
		require.NoError(t, err)
		cancel()
		_, err = io.ReadAll(resp.Body)
		require.Error(t, err)

		t.Log("a handler that says 101 by WriteHeader, as SPDY servers do")
		resp, err = get(t, t.Context(), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Upgrade", "SPDY/3.1")
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprint(conn, "raw")
			conn.Close()
		})
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
		require.Equal(t, "SPDY/3.1", resp.Header.Get("Upgrade"))
		raw, err := io.ReadAll(resp.Body.(io.ReadWriteCloser))
		require.NoError(t, err)
		require.Equal(t, "raw", string(raw))

		t.Log("a handler that hijacks and refuses")
		resp, err = get(t, t.Context(), func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")
			conn.Close()
		})
		require.NoError(t, err)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "no", string(body))
		resp.Body.Close()
	})
}

type ctxKey struct{}

func TestInMemory_OnRequest(t *testing.T) {
	as := client.OnRequest(func(r *http.Request) *http.Request {
		return r.WithContext(context.WithValue(r.Context(), ctxKey{}, "somebody"))
	})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Context().Value(ctxKey{}))
	})
	c, err := client.New(client.Config{BaseURL: "http://test/prefix/", Transport: client.InMemory(h, as)})
	require.NoError(t, err)
	var who string
	require.NoError(t, c.Do(t.Context(), http.MethodGet, "/whoami", nil, nil, &who))
	require.Equal(t, "somebody", who)
}

func TestSend_RetriesWhatIsHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, code := 0, http.StatusTooManyRequests
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			if calls < 4 {
				w.Header().Set("Retry-After", "3")
				http.Error(w, "busy", code)
			}
		})
		c, err := client.New(client.Config{BaseURL: "http://test", Transport: client.InMemory(h)})
		require.NoError(t, err)
		for _, code = range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			calls = 0
			start := time.Now()
			require.NoError(t, c.Do(t.Context(), http.MethodGet, "/x", nil, nil, nil))
			require.Equal(t, 9*time.Second, time.Since(start))

			calls = 0
			err = c.Do(t.Context(), http.MethodPost, "/x", nil, map[string]int{"a": 1}, nil)
			require.True(t, apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err), "%v", err)
			require.Equal(t, 1, calls, "a POST is not repeated")

			calls = 0
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			start = time.Now()
			require.Error(t, c.Do(ctx, http.MethodGet, "/x", nil, nil, nil))
			require.Equal(t, 3*time.Second, time.Since(start), "it does not wait for what it cannot live to see")
			cancel()
		}
	})
}

func TestErrNoServer(t *testing.T) {
	refused := errors.New("connection refused")
	c, err := client.New(client.Config{BaseURL: "http://test", Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, refused
	})})
	require.NoError(t, err)
	err = c.Do(t.Context(), http.MethodGet, "/version", nil, nil, nil)
	require.ErrorIs(t, err, client.ErrNoServer)
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "get /version: ")

	for _, url := range []string{"", "127.0.0.1:6443", "https://", "http://a b"} {
		_, err := client.New(client.Config{BaseURL: url})
		require.Error(t, err, url)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
