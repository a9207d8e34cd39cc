package volume_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/kubelet/volume"
)

// objects is what volumes of these tests are made from.
type objects struct {
	configMaps map[string]*corev1.ConfigMap
	secrets    map[string]*corev1.Secret
	claim      *corev1.PersistentVolumeClaim
	pv         *corev1.PersistentVolume
	tokens     int
	tokenError error
}

func absent(kind, name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: kind}, name)
}

func (o *objects) ConfigMap(_ context.Context, _, name string) (*corev1.ConfigMap, error) {
	if c := o.configMaps[name]; c != nil {
		return c, nil
	}
	return nil, absent("configmaps", name)
}

func (o *objects) Secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	if s := o.secrets[name]; s != nil {
		return s, nil
	}
	return nil, absent("secrets", name)
}

func (o *objects) Claim(context.Context, string, string) (*corev1.PersistentVolumeClaim, *corev1.PersistentVolume, error) {
	if o.claim == nil {
		return nil, nil, errors.New("claim data is not bound to a volume")
	}
	return o.claim, o.pv, nil
}

func (o *objects) Token(context.Context, *corev1.Pod, string, int64) (string, time.Time, error) {
	if o.tokenError != nil {
		return "", time.Time{}, o.tokenError
	}
	o.tokens++
	return fmt.Sprint("token ", o.tokens), time.Now().Add(time.Hour), nil
}

func manager(dir string, o *objects) *volume.Manager {
	return volume.New(volume.Config{Dir: dir, Objects: o, Plain: true})
}

func podWith(volumes ...corev1.Volume) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "default", UID: "u1", Labels: map[string]string{"app": "p"}},
		Spec:       corev1.PodSpec{Volumes: volumes, ServiceAccountName: "default"},
	}
}

func vol(name string, source corev1.VolumeSource) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: source}
}

// tree lists what people see below a folder: path, mode and content.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "..") {
			continue
		}
		full := filepath.Join(dir, e.Name())
		info, err := os.Stat(full)
		require.NoError(t, err)
		if info.IsDir() {
			for _, line := range tree(t, full) {
				lines = append(lines, e.Name()+"/"+line)
			}
			continue
		}
		data, err := os.ReadFile(full)
		require.NoError(t, err)
		lines = append(lines, fmt.Sprintf("%s %o %s", e.Name(), info.Mode().Perm(), data))
	}
	return lines
}

func TestManager_makes_files_of_objects(t *testing.T) {
	mode := int32(0o400)
	yes := true
	o := &objects{
		configMaps: map[string]*corev1.ConfigMap{"c": {Data: map[string]string{"a": "1", "b": "2"}, BinaryData: map[string][]byte{"z": {0x7a}}}},
		secrets:    map[string]*corev1.Secret{"s": {Data: map[string][]byte{"key": []byte("secret")}}},
	}
	ref := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	cases := []struct {
		name   string
		source corev1.VolumeSource
		want   []string
		err    string
	}{
		{"all keys of a ConfigMap", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: ref("c")}},
			[]string{"a 644 1", "b 644 2", "z 644 z"}, ""},
		{"chosen keys, with modes", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: ref("c"),
			Items: []corev1.KeyToPath{{Key: "a", Path: "deep/er/one", Mode: &mode}, {Key: "b", Path: "deep/two"}}}},
			[]string{"deep/er/one 400 1", "deep/two 644 2"}, ""},
		{"a missing key", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: ref("c"), Items: []corev1.KeyToPath{{Key: "x", Path: "x"}}}},
			nil, `MountVolume.SetUp failed for volume "v": ConfigMap default/c has no key "x"`},
		{"a missing ConfigMap", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: ref("x")}}, nil, `configmaps "x" not found`},
		{"a missing ConfigMap that is optional", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: ref("x"), Optional: &yes}}, nil, ""},
		{"a path that leaves the volume", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: ref("c"), Items: []corev1.KeyToPath{{Key: "a", Path: "../../escape"}}}},
			nil, "must be relative and stay in the volume"},
		{"a path of the machinery", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: ref("c"), Items: []corev1.KeyToPath{{Key: "a", Path: "..data/x"}}}},
			nil, "must not start with '..'"},
		{"a Secret", corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "s", DefaultMode: &mode}}, []string{"key 400 secret"}, ""},
		{"the pod itself", corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
			{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}}}}}, []string{`labels 644 app="p"`}, ""},
		{"several together", corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: ref("c"), Items: []corev1.KeyToPath{{Key: "a", Path: "a"}}}},
			{Secret: &corev1.SecretProjection{LocalObjectReference: ref("s"), Items: []corev1.KeyToPath{{Key: "key", Path: "sub/key"}}}},
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
		}}}, []string{"a 644 1", "sub/key 644 secret", "token 644 token 1"}, ""},
		{"a type that is not supported", corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{}}, nil, "its type is not supported by this kubelet"},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			m := manager(dir, o)
			err := m.SetUp(t.Context(), podWith(vol("v", test.source)))
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, tree(t, filepath.Join(dir, "u1", "volumes", "v")))
			require.NoError(t, m.TearDown("u1"))
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

// Whoever reads while a volume changes sees the old or the new, never a mixture
// or nothing.
func TestWriteAtomic_readers_never_see_a_mixture(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need privileges on Windows")
	}
	dir := t.TempDir()
	version := func(i int) volume.Payload {
		text := []byte(fmt.Sprint("version ", i))
		return volume.Payload{"a": {Data: text, Mode: 0o644}, "b/c": {Data: text, Mode: 0o644}}
	}
	_, err := volume.WriteAtomic(dir, version(0), nil)
	require.NoError(t, err)
	done := make(chan error)
	go func() {
		defer close(done)
		for i := 1; i < 200; i++ {
			if _, err := volume.WriteAtomic(dir, version(i), nil); err != nil {
				done <- err
				return
			}
		}
	}()
	reads := 0
	for {
		select {
		case err := <-done:
			require.NoError(t, err)
			require.Positive(t, reads)
			changed, err := volume.WriteAtomic(dir, version(199), nil)
			require.NoError(t, err)
			require.False(t, changed, "the same content is not written again")
			changed, err = volume.WriteAtomic(dir, volume.Payload{"b/c": {Mode: 0o600}}, nil)
			require.NoError(t, err)
			require.True(t, changed)
			require.Equal(t, []string{"b/c 600 "}, tree(t, dir))
			return
		default:
		}
		// One look through ..data is one version.
		target, err := os.Readlink(filepath.Join(dir, "..data"))
		require.NoError(t, err)
		a, errA := os.ReadFile(filepath.Join(dir, target, "a"))
		b, errB := os.ReadFile(filepath.Join(dir, target, "b/c"))
		if errA == nil && errB == nil {
			require.Equal(t, string(a), string(b))
			reads++
		}
		_, err = os.ReadFile(filepath.Join(dir, "a"))
		if errors.Is(err, os.ErrNotExist) {
			// The version was replaced between two steps of the look-up; the next
			// look-up finds a later one.
			later, err := os.Readlink(filepath.Join(dir, "..data"))
			require.NoError(t, err)
			require.NotEqual(t, target, later)
			continue
		}
		require.NoError(t, err)
	}
}

func TestManager_renews_tokens(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := &objects{}
		m := manager(dir, o)
		p := podWith(vol("v", corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}}}}}))
		require.NoError(t, m.SetUp(t.Context(), p))
		next, err := m.Refresh(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, 48*time.Minute, time.Until(next))
		require.Equal(t, 1, o.tokens)

		time.Sleep(time.Until(next))
		o.tokenError = errors.New("API server is down")
		next, err = m.Refresh(t.Context(), p)
		require.NoError(t, err, "the old token is good for a while")
		require.Equal(t, 10*time.Second, time.Until(next))

		o.tokenError = nil
		_, err = m.Refresh(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, []string{"token 644 token 2"}, tree(t, filepath.Join(dir, "u1", "volumes", "v")))
	})
}

func TestManager_hostPath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	kind := func(k corev1.HostPathType) *corev1.HostPathType { return &k }
	cases := []struct {
		path string
		kind *corev1.HostPathType
		err  string
	}{
		{dir, kind(corev1.HostPathDirectory), ""},
		{file, kind(corev1.HostPathFile), ""},
		{file, kind(corev1.HostPathDirectory), "is not a Directory"},
		{dir, kind(corev1.HostPathFile), "is not a File"},
		{file, kind(corev1.HostPathSocket), "is not a Socket"},
		{filepath.Join(dir, "no"), kind(corev1.HostPathDirectory), "does not exist"},
		{filepath.Join(dir, "new"), kind(corev1.HostPathDirectoryOrCreate), ""},
		{filepath.Join(dir, "sub", "new"), kind(corev1.HostPathFileOrCreate), ""},
		{filepath.Join(dir, "any"), nil, ""},
	}
	for _, test := range cases {
		err := manager(t.TempDir(), &objects{}).SetUp(t.Context(), podWith(vol("v", corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: test.path, Type: test.kind}})))
		if test.err == "" {
			require.NoError(t, err, test.path)
			_, err = os.Stat(test.path)
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, test.err)
		}
	}
}

func TestManager_claims(t *testing.T) {
	data := t.TempDir()
	o := &objects{}
	m := manager(t.TempDir(), o)
	p := podWith(vol("v", corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data", ReadOnly: true}}))
	require.ErrorContains(t, m.SetUp(t.Context(), p), "not bound")

	o.claim = &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data", UID: "c1"}}
	o.pv = &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}, Spec: corev1.PersistentVolumeSpec{
		ClaimRef:               &corev1.ObjectReference{UID: "another"},
		PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: data}},
	}}
	require.ErrorContains(t, m.SetUp(t.Context(), p), "volume pv is not bound to claim data")
	o.pv.Spec.ClaimRef.UID = "c1"
	require.NoError(t, m.SetUp(t.Context(), p))
	mounts, err := m.Mounts(t.Context(), p, &corev1.Container{VolumeMounts: []corev1.VolumeMount{{Name: "v", MountPath: "/data"}}}, nil)
	require.NoError(t, err)
	require.Equal(t, data, mounts[0].HostPath)
	require.True(t, mounts[0].Readonly)

	require.NoError(t, os.WriteFile(filepath.Join(data, "keep"), nil, 0o600))
	require.NoError(t, m.TearDown("u1"))
	require.FileExists(t, filepath.Join(data, "keep"), "data of a persistent volume outlives the pod")
}

func TestManager_Mounts_keeps_subPaths_inside(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need privileges on Windows")
	}
	dir, outside := t.TempDir(), t.TempDir()
	m := manager(dir, &objects{configMaps: map[string]*corev1.ConfigMap{"c": {Data: map[string]string{"a": "1"}}}})
	p := podWith(
		vol("scratch", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}),
		vol("settings", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}}}))
	require.NoError(t, m.SetUp(t.Context(), p))
	scratch := filepath.Join(dir, "u1", "volumes", "scratch")
	require.NoError(t, os.Symlink(outside, filepath.Join(scratch, "leak")))

	mount := func(name, sub, expr string) (string, error) {
		mounts, err := m.Mounts(t.Context(), p, &corev1.Container{VolumeMounts: []corev1.VolumeMount{
			{Name: name, MountPath: "/m", SubPath: sub, SubPathExpr: expr}}}, func(s string) (string, error) {
			return strings.ReplaceAll(s, "$(POD)", "p"), nil
		})
		if err != nil {
			return "", err
		}
		return mounts[0].HostPath, nil
	}
	got, err := mount("scratch", "", "logs/$(POD)")
	require.NoError(t, err)
	require.DirExists(t, got)
	require.True(t, strings.HasSuffix(got, filepath.Join("scratch", "logs", "p")), got)
	got, err = mount("settings", "a", "")
	require.NoError(t, err)
	data, err := os.ReadFile(got)
	require.NoError(t, err)
	require.Equal(t, "1", string(data))
	for _, hostile := range []string{"..", "../../other", "/etc", "leak", "leak/x", "a/../../.."} {
		_, err := mount("scratch", hostile, "")
		require.Error(t, err, hostile)
	}
	require.NoFileExists(t, filepath.Join(outside, "x"))
	_, err = mount("absent", "", "")
	require.ErrorContains(t, err, "the pod has no such volume")
}

func TestManager_emptyDir_in_memory(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("mounting a tmpfs needs root on Linux")
	}
	dir := t.TempDir()
	m := volume.New(volume.Config{Dir: dir, Objects: &objects{}})
	group := int64(1234)
	p := podWith(vol("v", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}}))
	p.Spec.SecurityContext = &corev1.PodSecurityContext{FSGroup: &group}
	if err := m.SetUp(t.Context(), p); err != nil {
		t.Skipf("this machine does not allow mounts: %v", err)
	}
	t.Cleanup(func() { _ = m.TearDown("u1") })
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	path := filepath.Join(dir, "u1", "volumes", "v")
	require.Contains(t, string(mounts), "tmpfs "+path+" tmpfs")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.ModeDir|os.ModeSetgid|0o777, info.Mode())
	require.NoError(t, m.TearDown("u1"))
	require.NoDirExists(t, path)
}

func ExampleWriteAtomic() {
	dir, err := os.MkdirTemp("", "volume")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for _, color := range []string{"blue", "blue", "green"} {
		changed, err := volume.WriteAtomic(dir, volume.Payload{"color": {Data: []byte(color), Mode: 0o644}}, nil)
		data, _ := os.ReadFile(filepath.Join(dir, "color"))
		fmt.Println(string(data), changed, err)
	}
	link, _ := os.Readlink(filepath.Join(dir, "color"))
	fmt.Println("color ->", filepath.ToSlash(link))
	// Output:
	// blue true <nil>
	// blue false <nil>
	// green true <nil>
	// color -> ..data/color
}
