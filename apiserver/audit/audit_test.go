package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/audit"
)

// attributes reads "USER[,GROUP...] VERB [GROUP/]RESOURCE[/SUB] [NAMESPACE/]NAME" or
// "USER VERB /PATH".
func attributes(t *testing.T, text string) *apiserver.Attributes {
	words := strings.Fields(text)
	names := strings.Split(words[0], ",")
	a := &apiserver.Attributes{User: &apiserver.User{Name: names[0], Groups: names[1:]}, Verb: words[1]}
	if names[0] == "-" {
		a.User = nil
	}
	if strings.HasPrefix(words[2], "/") {
		a.Path = words[2]
		return a
	}
	group, resource, found := strings.Cut(words[2], ":")
	if !found {
		group, resource = "", group
	}
	a.Resource = schema.GroupVersionResource{Group: group, Version: "v1"}
	a.Resource.Resource, a.Subresource, _ = strings.Cut(resource, "/")
	if len(words) > 3 {
		a.Namespace, a.Name, found = strings.Cut(words[3], "/")
		require.True(t, found, text)
	}
	return a
}

// TestPolicy matches requests with a rule, which is not None if it fits.
func TestPolicy(t *testing.T) {
	for rule, requests := range map[string][]string{
		`{users: [bob]}`:                                         {"bob get pods", "bob get /healthz", "! alice get pods", "! - get pods"},
		`{userGroups: [devs]}`:                                   {"bob,x,devs get pods", "! bob,ops get pods", "! - get pods"},
		`{verbs: [create, get]}`:                                 {"bob get pods", "bob get /healthz", "! bob list pods"},
		`{users: [bob], verbs: [get]}`:                           {"bob get pods", "! bob list pods", "! eve get pods"},
		`{namespaces: [shop]}`:                                   {"bob get pods shop/a", "! bob get pods bank/a", "! bob get nodes /a", "! bob get /healthz"},
		`{namespaces: [""]}`:                                     {"bob get nodes /a", "! bob get pods shop/a"},
		`{resources: [{group: ""}]}`:                             {"bob get pods shop/a", "bob get pods/log shop/a", "! bob get apps:deployments"},
		`{resources: [{group: "*"}]}`:                            {"bob get pods", "bob get apps:deployments", "! bob get /healthz"},
		`{resources: [{resources: [pods]}]}`:                     {"bob get pods", "! bob get pods/log", "! bob get secrets"},
		`{resources: [{resources: [pods/log]}]}`:                 {"bob get pods/log", "! bob get pods", "! bob get pods/exec"},
		`{resources: [{resources: ["pods/*"]}]}`:                 {"bob get pods/log", "bob get pods", "! bob get nodes/proxy"},
		`{resources: [{resources: ["*/scale"]}]}`:                {"bob get replicationcontrollers/scale", "! bob get pods", "! bob get apps:deployments/scale"},
		`{resources: [{group: "*", resources: ["*"]}]}`:          {"bob get pods", "bob get apps:deployments/scale"},
		`{resources: [{resources: [pods], resourceNames: [a]}]}`: {"bob get pods shop/a", "! bob get pods shop/b", "! bob list pods shop/"},
		`{nonResourceURLs: [/healthz, "/open*"]}`:                {"bob get /healthz", "bob get /openapi/v3", "! bob get /healthz/x", "! bob get pods"},
		`{nonResourceURLs: ["*"]}`:                               {"bob get /x", "! bob get pods"},
		`{}`:                                                     {"bob get pods", "- get /healthz"},
	} {
		text := "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata, " + strings.Trim(rule, "{}") + "}]"
		if rule != "{}" {
			text = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata, " + rule[1:] + "]"
		}
		p, err := audit.ParsePolicy([]byte(text))
		require.NoError(t, err, text)
		for _, request := range requests {
			want := auditv1.LevelMetadata
			if without, not := strings.CutPrefix(request, "! "); not {
				request, want = without, auditv1.LevelNone
			}
			require.Equal(t, want, p.Rule(attributes(t, request)).Level, "%s: %s", rule, request)
		}
	}
}

// TestPolicy_first is that the first rule counts, with what it inherits.
func TestPolicy_first(t *testing.T) {
	p, err := audit.ParsePolicy([]byte(`
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- {level: Request, users: [bob], omitStages: [Panic], omitManagedFields: false}
- {level: None, users: [bob, eve]}
- {level: Metadata}
`))
	require.NoError(t, err)
	require.Equal(t, apiserver.AuditRule{
		Level: auditv1.LevelRequest, OmitStages: []auditv1.Stage{auditv1.StageRequestReceived, auditv1.StagePanic},
	}, p.Rule(attributes(t, "bob get pods")))
	require.Equal(t, auditv1.LevelNone, p.Rule(attributes(t, "eve get pods")).Level)
	require.Equal(t, apiserver.AuditRule{
		Level: auditv1.LevelMetadata, OmitStages: []auditv1.Stage{auditv1.StageRequestReceived}, OmitManagedFields: true,
	}, p.Rule(attributes(t, "ann get pods")))
}

// TestParsePolicy_refuses names the rule that is wrong.
func TestParsePolicy_refuses(t *testing.T) {
	const head = "apiVersion: audit.k8s.io/v1\nkind: Policy\n"
	for text, want := range map[string]string{
		"": `it is apiVersion "", kind ""`,
		"apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]": `apiVersion "audit.k8s.io/v1beta1"`,
		head: "rules: Required value",
		head + "rules: [{level: Metadata}, {level: Everything}]":                `rules[1].level: Unsupported value: "Everything"`,
		head + "rules: [{users: [bob]}]":                                        "rules[0].level: Required value",
		head + "rules: [{level: None, omitStages: [Soon]}]":                     `rules[0].omitStages[0]: Unsupported value: "Soon"`,
		head + "omitStages: [Soon]\nrules: [{level: None}]":                     `omitStages[0]: Unsupported value: "Soon"`,
		head + "rules: [{level: None, nonResourceURLs: [healthz]}]":             `rules[0].nonResourceURLs[0]: Invalid value: "healthz": non-resource URL rules must begin with a '/' character`,
		head + "rules: [{level: None, nonResourceURLs: ['/a*b']}]":              "must be the final character",
		head + "rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]": "rules cannot apply to both",
		head + "rules: [{level: None, resources: [{group: 'apps/v1'}]}]":        "rules[0].resources[0].group: Invalid value",
		head + "rules: [{level: None, resources: [{resourceNames: [a]}]}]":      "using resourceNames requires at least one resource",
		head + "rules: [{level: None, user: [bob]}]":                            `unknown field "rules[0].user"`,
		head + "rules: [{level: None":                                           "did not find expected",
	} {
		_, err := audit.ParsePolicy([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
	_, err := audit.LoadPolicy(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestSensible_documented is that the chapter shows the policy as it is.
func TestSensible_documented(t *testing.T) {
	chapter, err := os.ReadFile("../../docs/audit.md")
	require.NoError(t, err)
	_, text, _ := strings.Cut(string(chapter), "```yaml\n")
	text, _, found := strings.Cut(text, "```")
	require.True(t, found)
	p, err := audit.ParsePolicy([]byte(text))
	require.NoError(t, err)
	require.Equal(t, audit.Sensible(), p)
}

// TestSensible keeps nothing of what is secret beyond metadata.
func TestSensible(t *testing.T) {
	p := audit.Sensible()
	for request, want := range map[string]auditv1.Level{
		"bob create secrets shop/db":                         auditv1.LevelMetadata,
		"bob patch configmaps shop/db":                       auditv1.LevelMetadata,
		"bob create serviceaccounts/token shop/default":      auditv1.LevelMetadata,
		"bob create authentication.k8s.io:tokenreviews":      auditv1.LevelMetadata,
		"bob create apps:deployments shop/web":               auditv1.LevelRequest,
		"bob create pods/exec shop/web":                      auditv1.LevelRequest,
		"bob list pods shop/":                                auditv1.LevelMetadata,
		"bob get /healthz":                                   auditv1.LevelNone,
		"bob get /apis/apps/v1":                              auditv1.LevelNone,
		"bob get /metrics":                                   auditv1.LevelMetadata,
		"system:kube-scheduler watch pods":                   auditv1.LevelNone,
		"system:kube-scheduler create pods/binding shop/web": auditv1.LevelRequest,
		"system:node:a,system:nodes list pods":               auditv1.LevelNone,
		"system:node:a,system:nodes patch nodes/status /a":   auditv1.LevelRequest,
		"system:node:a,system:nodes update coordination.k8s.io:leases kube-node-lease/a": auditv1.LevelNone,
	} {
		require.Equal(t, want, p.Rule(attributes(t, request)).Level, request)
	}
}

func event(id int) *auditv1.Event {
	e := &auditv1.Event{Level: auditv1.LevelMetadata, Stage: auditv1.StageRequestReceived, Verb: "get"}
	e.AuditID = types.UID(strconv.Itoa(id))
	return e
}

// TestLog writes each event once, before Record returns.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		log := audit.NewLog(&out)
		auditor := audit.New(audit.Sensible(), log, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var running, writing sync.WaitGroup
		running.Go(func() { require.NoError(t, auditor.Run(ctx)) })
		for i := range 100 {
			writing.Go(func() { require.NoError(t, auditor.Record(event(i))) })
		}
		writing.Wait()
		cancel()
		running.Wait()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		require.Len(t, lines, 100)
		for _, l := range lines {
			var e auditv1.Event
			require.NoError(t, json.Unmarshal([]byte(l), &e))
			require.Equal(t, "get", e.Verb)
		}
		require.ErrorIs(t, auditor.Record(event(1)), audit.ErrStopped)
	})
}

// TestLog_stuck does not hold up a request for good, and counts what is lost.
func TestLog_stuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		auditor := audit.New(audit.Sensible(), audit.NewLog(writer), nil)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = auditor.Run(ctx) })
		start := time.Now()
		require.ErrorIs(t, auditor.Record(event(1)), audit.ErrBusy)
		require.Equal(t, 5*time.Second, time.Since(start))
		figures := gathered(t, auditor)
		require.Equal(t, map[string]float64{
			"apiserver_audit_event_total": 1, "apiserver_audit_requests_rejected_total": 1, "apiserver_audit_error_total": 1,
		}, figures)
		reader.Close()
		require.ErrorContains(t, auditor.Record(event(2)), "write the audit log")
		cancel()
		running.Wait()
	})
}

// gathered are the auditor's figures.
func gathered(t *testing.T, auditor *audit.Auditor) map[string]float64 {
	registry := prometheus.NewRegistry()
	registry.MustRegister(auditor.Collectors()...)
	families, err := registry.Gather()
	require.NoError(t, err)
	figures := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			figures[family.GetName()] += m.GetCounter().GetValue()
		}
	}
	return figures
}

// TestOpenFile_rotates begins a new file when one is full, and keeps as many of the
// old as it is told.
func TestOpenFile_rotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "logs", "audit.log")
		file, err := audit.OpenFile(audit.FileOptions{Path: path, MaxSize: 1, MaxBackups: 2, MaxAge: 3})
		require.NoError(t, err)
		line := []byte(strings.Repeat("x", 600<<10) + "\n")
		for range 5 {
			_, err := file.Write(line)
			require.NoError(t, err)
			time.Sleep(time.Hour)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "logs", "audit-mine.log"), nil, 0o600))
		names := func() (names []string) {
			entries, err := os.ReadDir(filepath.Join(dir, "logs"))
			require.NoError(t, err)
			for _, e := range entries {
				names = append(names, e.Name())
			}
			return names
		}
		require.Equal(t, []string{
			"audit-2000-01-01T03-00-00.000.log", "audit-2000-01-01T04-00-00.000.log", "audit-mine.log", "audit.log",
		}, names())
		time.Sleep(4 * 24 * time.Hour)
		_, err = file.Write(line)
		require.NoError(t, err)
		require.Equal(t, []string{"audit-2000-01-05T05-00-00.000.log", "audit-mine.log", "audit.log"}, names(), "the others are too old")
		require.NoError(t, file.Close())
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())

		again, err := audit.OpenFile(audit.FileOptions{Path: path})
		require.NoError(t, err)
		_, err = again.Write([]byte("more\n"))
		require.NoError(t, err)
		require.NoError(t, again.Close())
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(line)+"more\n", string(data))
	})
}

func TestOpenFile_refuses(t *testing.T) {
	_, err := audit.OpenFile(audit.FileOptions{Path: "x", MaxAge: -1})
	require.ErrorContains(t, err, "less than 0")
	_, err = audit.OpenFile(audit.FileOptions{Path: t.TempDir()})
	require.ErrorContains(t, err, "audit log")
}

// ExampleNew keeps record in code of one's own.
func ExampleNew() {
	policy, err := audit.ParsePolicy([]byte(`
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: None, verbs: [get, list, watch]}
- {level: Metadata}
`))
	if err != nil {
		panic(err)
	}
	sink := audit.SinkFunc(func(e *auditv1.Event) error {
		if e.Verb == "delete" {
			return errors.New("nobody deletes here")
		}
		fmt.Println(e.Stage, e.Verb, e.ObjectRef.Resource)
		return nil
	})
	auditor := audit.New(policy, sink, nil) // for apiserver.Config, or cluster.Config

	// What a server asks and tells it.
	a := &apiserver.Attributes{Verb: "create", Resource: schema.GroupVersionResource{Resource: "pods"}}
	fmt.Println(auditor.Rule(a).Level)
	_ = auditor.Record(&auditv1.Event{
		Stage: auditv1.StageResponseComplete, Verb: "create", ObjectRef: &auditv1.ObjectReference{Resource: "pods"},
	})
	// Output:
	// Metadata
	// ResponseComplete create pods
}
