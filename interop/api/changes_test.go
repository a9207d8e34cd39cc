package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/interop/api/differ"
)

// changeFiles makes requests of testdata/changes.txt: rules of a kind that a change of its
// sample in testdata/kinds.yaml breaks, or comes close to breaking. A line is
//
//	## apps/v1 Deployment   what the next lines are about
//	+ {spec: {...}}         the sample, changed so, is created
//	~ {spec: {...}}         the sample, which is there, is changed so
//	= {status: {...}}       its status is
//	* {spec: {...}}         it is, by a strategic merge patch
//	@ [{op: ...}]           it is, by a JSON patch
//	! {spec: {...}}         it is, by what somebody else applies
//
// Nothing of that is stored: each is a dry run.
func changeFiles(t *testing.T, kube *differ.Server) (files []file) {
	text, err := os.ReadFile("testdata/changes.txt")
	require.NoError(t, err)
	samples := sampleObjects(t)
	var k kindRequests
	for line := range strings.SplitSeq(string(text), "\n") {
		sign, change, _ := strings.Cut(line, " ")
		switch sign {
		case "##":
			obj := samples[change]
			require.NotNil(t, obj, "no sample of %s", change)
			k = kindRequests{t: t, obj: obj, resource: discover(t, kube, obj.GroupVersionKind())}
			name := "changes " + strings.ReplaceAll(obj.GetAPIVersion(), "/", "-") + " " + k.resource.Name
			namespace := strings.NewReplacer(" ", "-", ".", "-").Replace(name)
			k.add("the sample", http.MethodPost, k.collection(), k.object(nil))
			files = append(files, file{Name: name, Namespace: namespace, Requests: k.made})
			k.made = nil
		case "+", "~", "=", "*", "@", "!":
			last := &files[len(files)-1]
			last.Requests = append(last.Requests, k.changed(line, sign, change))
		}
	}
	return files
}

// changed is the request that a line stands for, which is its title.
func (k *kindRequests) changed(line, sign, change string) differ.Request {
	patch, err := yaml.YAMLToJSON([]byte(change))
	require.NoError(k.t, err, line)
	r := differ.Request{
		Title: line, Method: http.MethodPatch, Path: k.one() + "?dryRun=All", Body: string(patch),
		Header: http.Header{"Content-Type": {mergeType}},
	}
	switch sign {
	case "=":
		r.Path = k.one() + "/status?dryRun=All"
	case "*":
		r.Header.Set("Content-Type", strategic)
	case "@":
		r.Header.Set("Content-Type", "application/json-patch+json")
	case "!":
		r.Path += "&fieldManager=another"
		r.Header.Set("Content-Type", "application/apply-patch+yaml")
		named := map[string]any{
			"apiVersion": k.obj.GetAPIVersion(), "kind": k.obj.GetKind(), "metadata": map[string]any{"name": k.obj.GetName()},
		}
		whole, err := json.Marshal(named)
		require.NoError(k.t, err, line)
		body, err := jsonpatch.MergePatch(whole, patch)
		require.NoError(k.t, err, line)
		r.Body = string(body)
	case "+":
		sample := k.object(setAt("another", "metadata", "name"))
		body, err := jsonpatch.MergePatch([]byte(sample), patch)
		require.NoError(k.t, err, line)
		r.Method, r.Path, r.Body = http.MethodPost, k.collection()+"?dryRun=All", string(body)
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// sampleObjects are those of testdata/kinds.yaml, by version and kind.
func sampleObjects(t *testing.T) map[string]*unstructured.Unstructured {
	data, err := os.ReadFile("testdata/kinds.yaml")
	require.NoError(t, err)
	samples := map[string]*unstructured.Unstructured{}
	for _, text := range bytes.Split(data, []byte("\n---\n")) {
		var obj unstructured.Unstructured
		asJSON, err := yaml.YAMLToJSON(text)
		require.NoError(t, err, "%s", text)
		if json.Unmarshal(asJSON, &obj.Object) == nil && len(obj.Object) > 0 {
			samples[obj.GetAPIVersion()+" "+obj.GetKind()] = &obj
		}
	}
	return samples
}
