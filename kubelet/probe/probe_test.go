package probe_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/kubelet/probe"
)

func target(t *testing.T, server *httptest.Server) probe.Target {
	t.Helper()
	addr := netip.MustParseAddrPort(server.Listener.Addr().String())
	return probe.Target{IP: addr.Addr().String(), Container: &corev1.Container{
		Name: "web", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: int32(addr.Port())}},
	}}
}

func TestProber_HTTP(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Host, " ", r.Header.Get("User-Agent"), " ", r.Header.Get("X-Who"))
	})
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/bad", http.StatusFound) })
	mux.HandleFunc("/there", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://example.invalid/", http.StatusFound)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	defer server.Close()
	p := &probe.Prober{Dial: (&net.Dialer{}).DialContext}
	cases := []struct {
		path    string
		want    probe.Result
		message string
	}{
		{"/ok", probe.Success, "shop.example kube-probe/1.37 me"},
		{"ok?a=b", probe.Success, "shop.example"},
		{"/bad", probe.Failure, "HTTP probe failed with statuscode: 500"},
		{"/absent", probe.Failure, "statuscode: 404"},
		{"/here", probe.Failure, "statuscode: 500"},
		{"/there", probe.Success, ""},
		{"/slow", probe.Failure, "deadline exceeded"},
	}
	for _, test := range cases {
		t.Run(test.path, func(t *testing.T) {
			got := p.Do(t.Context(), target(t, server), &corev1.Probe{TimeoutSeconds: 1, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
				Path: test.path, Port: intstr.FromString("http"),
				HTTPHeaders: []corev1.HTTPHeader{{Name: "Host", Value: "shop.example"}, {Name: "X-Who", Value: "me"}},
			}}})
			require.Equal(t, test.want, got.Result, got.Message)
			require.Contains(t, got.Message, test.message)
		})
	}
}

func TestProber_TCP(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	p := &probe.Prober{Dial: (&net.Dialer{}).DialContext}
	ask := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("http")}}}
	at := target(t, server)
	require.Equal(t, probe.Success, p.Do(t.Context(), at, ask).Result)
	server.Close()
	require.Equal(t, probe.Failure, p.Do(t.Context(), at, ask).Result)
	ask.TCPSocket.Port = intstr.FromString("absent")
	require.Contains(t, p.Do(t.Context(), at, ask).Message, `container web has no port "absent"`)
}

func TestCounter(t *testing.T) {
	cases := []struct {
		outcomes, want string // s and f; the result after each, - for unknown
		success, fail  int
	}{
		{"ssfffs", "ssssfs", 1, 3},
		{"fsfsff", "-----f", 3, 2},
		{"sss", "--s", 3, 1},
	}
	letters := map[probe.Result]string{probe.Unknown: "-", probe.Success: "s", probe.Failure: "f"}
	for _, test := range cases {
		c := probe.Counter{SuccessThreshold: test.success, FailureThreshold: test.fail}
		var got strings.Builder
		for _, letter := range test.outcomes {
			c.Add(map[rune]probe.Result{'s': probe.Success, 'f': probe.Failure}[letter])
			got.WriteString(letters[c.Result])
		}
		require.Equal(t, test.want, got.String(), "outcomes %s, thresholds %d and %d", test.outcomes, test.success, test.fail)
	}
}

// Probes begin initialDelaySeconds after the container started, not after the
// loop did, and come once a period.
func TestLoop_keeps_the_times_of_the_probe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var asked, told []string
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		loop := probe.Loop{
			Probe:   &corev1.Probe{InitialDelaySeconds: 10, PeriodSeconds: 5, FailureThreshold: 3, ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"check"}}}},
			Started: start.Add(-3 * time.Second),
			Initial: probe.Success,
			Prober: &probe.Prober{Exec: func(context.Context, string, []string, time.Duration) (int, string, error) {
				asked = append(asked, time.Since(start).String())
				return 1, "", errors.New("no")
			}},
			Report: func(r probe.Result, _ probe.Outcome) bool {
				told = append(told, time.Since(start).String()+" "+r.String())
				return false
			},
		}
		loop.Run(ctx)
		require.Equal(t, []string{"7s", "12s", "17s"}, asked)
		require.Equal(t, []string{"17s failure"}, told)
	})
}

func ExampleCounter() {
	c := probe.Counter{SuccessThreshold: 1, FailureThreshold: 2}
	for _, outcome := range []probe.Result{probe.Success, probe.Failure, probe.Failure} {
		changed := c.Add(outcome)
		fmt.Println(outcome, "->", c.Result, changed)
	}
	// Output:
	// success -> success true
	// failure -> success false
	// failure -> failure true
}
