package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver/audit"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/interop/api/differ"
	"github.com/coracle-k8s/coracle/interop/store/inprocess"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store/memstore"
)

const auditPolicy = "testdata/audit/policy.yaml"

// auditDifferences are where our events differ from theirs, by the title of the
// request and a part of the event, and why.
var auditDifferences = map[string]string{
	"an invalid secret: .responseStatus.message":                       "what a refusal quotes of an object is not kept at level Metadata",
	"an invalid secret: .responseStatus.details.causes[0].message":     "the same",
	"a deletion with options: .requestObject.apiVersion":               "theirs names a version that is internal",
	"a watch from what is no revision: .response":                      "a bad revision is a bad request here, an internal error there",
	"as a group: .responseObject.serverAddressByClientCIDRs":           "each has an address of its own",
	"as a service account: .responseObject.serverAddressByClientCIDRs": "each has an address of its own",
	"as a group: .responseObject.apiVersion":                           "what /api answers has a version here",
	"as a service account: .responseObject.apiVersion":                 "the same",
	"a group that is not there: .response":                             "here it is a Status, there a text",
	"a method that is not there: .response":                            "here it is a text, there a Status",
	"a kind that is going out of use: .subsets":                        "each has an address of its own",
}

// TestAudit sends the same requests to both servers, with the same policy, and
// compares what stands in their audit logs.
func TestAudit(t *testing.T) {
	text, err := os.ReadFile("testdata/audit/requests.txt")
	require.NoError(t, err)
	requests, err := differ.Parse(string(text))
	require.NoError(t, err)

	theirLog, ourLog := filepath.Join(t.TempDir(), "theirs.log"), filepath.Join(t.TempDir(), "ours.log")
	real, theirTrust := startTheirs(t, "--audit-policy-file", auditPolicy, "--audit-log-path", theirLog)
	own, ourTrust := startAudited(t, ourLog)
	wanted := eventsOf(t, real, theirTrust, theirLog, requests)
	found := eventsOf(t, own, ourTrust, ourLog, requests)
	used := map[string]bool{}
	for i, r := range requests {
		for _, d := range differ.Compare(differ.Answer{Body: wanted[i]}, differ.Answer{Body: found[i]}) {
			if why := allowedDifference(r.Title, d.Path); why != "" {
				used[why] = true
				continue
			}
			t.Errorf("%s: %s: theirs %s, ours %s", r.Title, d.Path, d.Want, d.Have)
		}
	}
	theirNotes := notesOf(t, real, theirTrust, theirLog)
	require.Equal(t, theirNotes, notesOf(t, own, ourTrust, ourLog), "what a policy notes")
	t.Log(theirNotes)
	for why := range auditDifferences {
		if !used[why] {
			t.Logf("%s: does not differ any more, at least this time", why)
		}
	}
}

// allowedDifference returns the key in auditDifferences that allows it.
func allowedDifference(title, path string) string {
	for key := range auditDifferences {
		at, where, _ := strings.Cut(key, ": ")
		if at == title && strings.Contains(path, where) {
			return key
		}
	}
	return ""
}

// startAudited starts a server of ours over TLS with an audit log.
func startAudited(t *testing.T, path string) (*differ.Server, *pki.PKI) {
	t.Helper()
	trust, err := pki.New()
	require.NoError(t, err)
	policy, err := audit.LoadPolicy(auditPolicy)
	require.NoError(t, err)
	file, err := audit.OpenFile(audit.FileOptions{Path: path})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	st := memstore.New()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	inprocess.API(t, cluster.Config{
		PKI: trust, Listeners: []net.Listener{listener}, Auditor: audit.New(policy, audit.NewLog(file), nil),
	}, st)
	return &differ.Server{Name: "Coracle", URL: "https://" + listener.Addr().String()}, trust
}

// notesOf makes a policy that notes something, and returns what stands in the audit
// log of a request to which it applies.
func notesOf(t *testing.T, s *differ.Server, trust *pki.PKI, path string) map[string]any {
	t.Helper()
	s.HTTP = clientOf(t, trust)
	prepare(t, s, "policies.txt", func(a differ.Answer) bool { return len(a.Warnings) > 0 })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%s notes nothing", s.Name)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range bytes.Lines(data) {
			var e struct{ Annotations map[string]any }
			if json.Unmarshal(line, &e) == nil && e.Annotations["few/size"] != nil {
				return e.Annotations
			}
		}
	}
}

// prepare makes what a file has, and sends its last request until that has the answer
// that shows that it counts: servers hear of policies and rights a moment later.
func prepare(t *testing.T, s *differ.Server, file string, counts func(differ.Answer) bool) {
	t.Helper()
	text, err := os.ReadFile("testdata/audit/" + file)
	require.NoError(t, err)
	requests, err := differ.Parse(string(text))
	require.NoError(t, err)
	last := len(requests) - 1
	for _, r := range requests[:last] {
		a, err := s.Ask(t.Context(), r, "default")
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, a.Code, "%s: %v", r.Title, a.Body)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%s: what %s makes does not count", s.Name, file)
		a, err := s.Ask(t.Context(), requests[last], "default")
		require.NoError(t, err)
		if counts(a) {
			return
		}
	}
}

// clientOf is an administrator's way to a server.
func clientOf(t *testing.T, trust *pki.PKI) *http.Client {
	t.Helper()
	secure, err := trust.ClientTLS(pki.UserAdmin, pki.GroupMasters)
	require.NoError(t, err)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: secure, ForceAttemptHTTP2: true}}
}

// eventsOf sends the requests and returns the events of each, made comparable.
func eventsOf(t *testing.T, s *differ.Server, trust *pki.PKI, path string, requests []differ.Request) []any {
	t.Helper()
	known := clientOf(t, trust)
	s.HTTP = known
	prepare(t, s, "rights.txt", func(a differ.Answer) bool { return a.Code == http.StatusNotFound })
	unknown := clientOf(t, trust)
	unknown.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = nil
	unknown.Transport.(*http.Transport).TLSClientConfig.Certificates = nil
	clients := map[bool]*http.Client{true: known, false: unknown}
	for i, r := range requests {
		r.Header = r.Header.Clone()
		r.Header.Set("Audit-ID", fmt.Sprint("request-", i))
		s.HTTP = clients[r.Header.Get("Authorization") == "" && r.Header.Get("X-Client") == ""]
		_, err := s.Ask(t.Context(), r, "default")
		require.NoError(t, err)
	}
	var events []any
	var missing []int
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if events, missing = readEvents(t, path, len(requests)); len(missing) == 0 {
			return events
		}
		require.True(t, time.Now().Before(deadline), "%s: no end is told of requests %v", s.Name, missing)
	}
}

// readEvents reads the events of each request, and says of which there is no end.
func readEvents(t *testing.T, path string, requests int) (all []any, missing []int) {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	events, over := make([][]any, requests), map[int]bool{}
	for line := range bytes.Lines(data) {
		var e map[string]any
		if json.Unmarshal(line, &e) != nil {
			break // half a line
		}
		var i int
		if _, err := fmt.Sscanf(fmt.Sprint(e["auditID"]), "request-%d", &i); err != nil {
			continue
		}
		// Of a request that is refused before its user is known only the answer is told.
		if user, _ := e["user"].(map[string]any); e["stage"] == "ResponseComplete" || e["stage"] == "Panic" || user["username"] == nil {
			over[i] = true
		}
		events[i] = append(events[i], stableEvent(t, e))
	}
	for i, e := range events {
		all = append(all, e)
		if !over[i] {
			missing = append(missing, i)
		}
	}
	return all, missing
}

// stableEvent replaces in an event what is each server's own.
func stableEvent(t *testing.T, e map[string]any) any {
	for _, own := range []string{"requestReceivedTimestamp", "stageTimestamp"} {
		e[own] = fmt.Sprintf("%T", e[own])
	}
	if annotations, ok := e["annotations"].(map[string]any); ok {
		for key := range annotations {
			if strings.HasPrefix(key, "apiserver.latency.k8s.io/") {
				delete(annotations, key)
			}
		}
	}
	if user, ok := e["user"].(map[string]any); ok && user["extra"] != nil {
		extra := user["extra"].(map[string]any)
		for key := range extra {
			extra[key] = "set"
		}
	}
	data, err := json.Marshal(e)
	require.NoError(t, err)
	return differ.StableBody("application/json", data)
}
