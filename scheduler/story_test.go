package scheduler_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

var update = flag.Bool("update", false, "rewrite the outcomes in testdata")

// A story is a file of commands with what they say, told over a cache and the
// usual plugins, without any API server:
//
//	node NAME [cpu=4] [memory=8Gi] [pods=110] [zone=Z] [label=K:V] [taint=K:V:EFFECT] [image=NAME@SIZE] [cordoned]
//	pod NAME on NODE [...]   a pod that is there already
//	schedule NAME [...]      asks for a node for a new pod, puts it there, says where
//	explain NAME [...]       the same, and says why; the pod is not put there
//	preempt NAME [...]       explain, and if that pushes pods off: nominates the pod
//	remove pod|node NAME     says nothing
//	nodes                    says how full the nodes are
//
// Pods are [cpu=] [memory=] [priority=] [label=K:V] [port=N] [owner=K] [namespace=NS]
// [age=DURATION] [never]; label, taint and port may be repeated. Lines that begin with spaces below a command are YAML, and
// merged into the spec of its object. What the commands say follows them, each line after
// a ">"; -update rewrites it. Empty lines and lines after # are for people.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { tell(t, file) })
	}
}

func tell(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	s := newStory()
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case strings.HasPrefix(line, ">"):
		case line == "" || strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
		default:
			first := i
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], " ") {
				i++
			}
			out.WriteString(strings.Join(lines[first:i+1], "\n") + "\n")
			said, err := s.do(strings.Fields(line), strings.Join(lines[first+1:i+1], "\n"))
			require.NoError(t, err, "line %d: %s", first+1, line)
			for says := range strings.Lines(said) {
				out.WriteString("> " + says)
			}
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
		return
	}
	require.Empty(t, cmp.Diff(text, out.String()), "the story goes otherwise now; -update rewrites it")
}

type story struct {
	cache     *scheduler.Cache
	nominated *scheduler.Nominations
	profile   scheduler.Profile
	pods      map[string]*scheduler.PodInfo
	start     int
}

func newStory() *story {
	return &story{
		cache: scheduler.NewCache(), nominated: scheduler.NewNominations(),
		profile: plugins.Stateless(), pods: map[string]*scheduler.PodInfo{},
	}
}

// do follows one command and returns what it says.
func (s *story) do(words []string, spec string) (string, error) {
	command, args := words[0], words[1:]
	switch command {
	case "node":
		node, err := makeNode(args, spec)
		if err == nil {
			s.cache.SetNode(node)
		}
		return "", err
	case "nodes":
		var b strings.Builder
		for _, n := range s.cache.Snapshot().Nodes {
			fmt.Fprintln(&b, n)
		}
		return b.String(), nil
	case "remove":
		s.remove(args[0], args[1])
		return "", nil
	}
	var node string
	if command == "pod" {
		if len(args) < 3 || args[1] != "on" {
			return "", fmt.Errorf("want pod NAME on NODE")
		}
		node, args = args[2], append(args[:1:1], args[3:]...)
	}
	pod, err := makePod(args, spec)
	if err != nil {
		return "", err
	}
	if node != "" {
		pod.Spec.NodeName = node
		s.pods[pod.Name] = scheduler.NewPodInfo(pod)
		s.cache.SetPod(pod)
		return "", nil
	}
	return s.decide(command, scheduler.NewPodInfo(pod))
}

func (s *story) remove(what, name string) {
	if what == "node" {
		s.cache.RemoveNode(name)
	} else if p := s.pods[name]; p != nil {
		s.cache.RemovePod(p.Pod)
		s.nominated.Remove(p.UID)
	}
}

func (s *story) decide(command string, p *scheduler.PodInfo) (string, error) {
	snapshot := *s.cache.Snapshot()
	snapshot.Nominated = s.nominated.View()
	cycle := scheduler.NewCycle(s.profile, p, &snapshot)
	var d *scheduler.Decision
	d, s.start = cycle.Schedule(s.start)
	switch command {
	case "schedule":
		if d.Node == "" {
			return d.Message() + "\n", nil
		}
		s.pods[p.Name] = p
		s.cache.Assume(p, d.Node)
		s.nominated.Remove(p.UID)
		return d.Node + "\n", nil
	case "explain":
		return d.Explain(), nil
	case "preempt":
		if d.Preemption != nil && d.Preemption.Node != "" {
			s.nominated.Set(p, d.Preemption.Node)
			s.pods[p.Name] = p
		}
		return d.Explain(), nil
	}
	return "", fmt.Errorf("unknown command %q", command)
}

func makeNode(args []string, spec string) (*corev1.Node, error) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: args[0], Labels: map[string]string{corev1.LabelHostname: args[0]}}}
	has := corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("8Gi"), "pods": resource.MustParse("110")}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "cordoned":
			node.Spec.Unschedulable = true
		case "zone":
			node.Labels[corev1.LabelTopologyZone] = value
		case "label":
			k, v, _ := strings.Cut(value, ":")
			node.Labels[k] = v
		case "taint":
			parts := strings.Split(value, ":")
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: parts[0], Value: parts[1], Effect: corev1.TaintEffect(parts[2])})
		case "image":
			name, size, _ := strings.Cut(value, "@")
			q := resource.MustParse(size)
			node.Status.Images = append(node.Status.Images, corev1.ContainerImage{Names: []string{name}, SizeBytes: q.Value()})
		default:
			has[corev1.ResourceName(key)] = resource.MustParse(value)
		}
	}
	node.Status.Allocatable = has
	return node, yaml.Unmarshal([]byte(spec), &node.Spec)
}

// epoch is when the pods of a story that are an hour old started.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func makePod(args []string, spec string) (*corev1.Pod, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: args[0], UID: types.UID(args[0]), Labels: map[string]string{}},
		Spec:       corev1.PodSpec{SchedulerName: scheduler.DefaultName, Containers: []corev1.Container{{Name: "c", Image: "registry/app:1"}}},
	}
	c := &pod.Spec.Containers[0]
	c.Resources.Requests = corev1.ResourceList{}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		k, v, _ := strings.Cut(value, ":")
		switch key {
		case "label":
			pod.Labels[k] = v
		case "namespace":
			pod.Namespace = value
		case "owner":
			yes := true
			pod.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: value, Controller: &yes}}
			pod.Labels["app"] = value
		case "age":
			age, err := time.ParseDuration(value)
			if err != nil {
				return nil, err
			}
			pod.Status.StartTime = &metav1.Time{Time: epoch.Add(-age)}
		case "never":
			never := corev1.PreemptNever
			pod.Spec.PreemptionPolicy = &never
		case "priority", "port":
			n, err := strconv.ParseInt(value, 10, 32)
			if err != nil {
				return nil, err
			}
			if number := int32(n); key == "priority" {
				pod.Spec.Priority = &number
			} else {
				c.Ports = append(c.Ports, corev1.ContainerPort{Protocol: corev1.ProtocolTCP, HostPort: number, ContainerPort: number})
			}
		default:
			c.Resources.Requests[corev1.ResourceName(key)] = resource.MustParse(value)
		}
	}
	return pod, yaml.UnmarshalStrict([]byte(spec), &pod.Spec)
}
