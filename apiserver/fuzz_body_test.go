package apiserver_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bodyTypes are the media types that a body can say it has.
var bodyTypes = []string{"application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain"}

// Whatever a body holds, it is an object of the kind or refused with a reason.
func FuzzCreate(f *testing.F) {
	server := start(f)
	f.Add(0, []byte(`{"metadata":{"name":"a"},"data":{"a":"b"}}`))
	f.Add(0, []byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"generateName":"x"}}`))
	f.Add(0, []byte(`{"metadata":{"name":"a","name":"b","labels":{"a":1}}}`))
	f.Add(1, []byte("metadata:\n  name: a\ndata: {k: v}\n"))
	f.Add(1, []byte("a: &a [*a]"))
	f.Add(2, []byte("k8s\x00\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x05\x0a\x03\x0a\x01a"))
	f.Add(3, []byte("x"))
	f.Fuzz(func(t *testing.T, kind int, body []byte) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "POST", configMaps+"?dryRun=All&fieldValidation=Strict", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", bodyTypes[uint(kind)%4])
		server.ServeHTTP(w, r)
		require.Contains(t, []int{201, 400, 409, 413, 415, 422}, w.Code, w.Body)
	})
}

// Options of a delete come as a body, too. Nothing is there to be deleted.
func FuzzDeleteOptions(f *testing.F) {
	server := start(f)
	f.Add(0, []byte(`{"gracePeriodSeconds":-1,"propagationPolicy":"Foreground","orphanDependents":true}`))
	f.Add(1, []byte("preconditions: {uid: x}"))
	f.Add(2, []byte("k8s\x00\x0a\x13\x0a\x02v1\x12\x0dDeleteOptions\x12\x02\x08\x05"))
	f.Fuzz(func(t *testing.T, kind int, body []byte) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "DELETE", configMaps+"/nobody", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", bodyTypes[uint(kind)%4])
		server.ServeHTTP(w, r)
		require.Contains(t, []int{400, 404, 413, 415, 422}, w.Code, w.Body)
	})
}

// A query of a list is understood or refused, and never shows what it excludes.
func FuzzListQuery(f *testing.F) {
	server := start(f)
	server.ok("POST", configMaps, `{"metadata":{"name":"mine","labels":{"a":"b"}}}`)
	f.Add("a=b", "metadata.name=mine", "0", "NotOlderThan", "1")
	f.Add("a in (b,c),!d", "metadata.name!=x", "1", "Exact", "-1")
	f.Add("a>1", "metadata.namespace=default", "", "", "many")
	f.Add("((", "a=b\\,c", "abc", "Near", "99999999999999999999")
	f.Fuzz(func(t *testing.T, labels, fields, revision, match, limit string) {
		query := url.Values{}
		for name, value := range map[string]string{"labelSelector": labels, "fieldSelector": fields,
			"resourceVersion": revision, "resourceVersionMatch": match, "limit": limit} {
			query.Set(name, value)
		}
		if len(revision) > 1 && strings.Trim(revision, "0123456789") == "" {
			return // a state still to come is waited for
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", configMaps+"?"+query.Encode(), nil))
		require.Contains(t, []int{200, 400, 410, 422, 504}, w.Code, w.Body)
	})
}

// Whatever is applied, the object is one of the same name, or as it was. A field
// that the kind does not have is answered with 500, as in Kubernetes.
func FuzzApply(f *testing.F) {
	server := start(f)
	server.ok("POST", configMaps, `{"metadata":{"name":"a"},"data":{"k":"v"}}`)
	f.Add([]byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"w"}}`))
	f.Add([]byte("apiVersion: v1\nkind: ConfigMap\ndata:\n  k: v\n  k: w\n"))
	f.Add([]byte("apiVersion: v1\nkind: Secret\nmetadata: {managedFields: [{}]}"))
	f.Add([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {ownerReferences: [{uid: 1}], finalizers: [a, a]}"))
	f.Add([]byte("- a"))
	f.Fuzz(func(t *testing.T, config []byte) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "PATCH", configMaps+"/a?dryRun=All&force=true&fieldManager=m", strings.NewReader(string(config)))
		r.Header.Set("Content-Type", "application/apply-patch+yaml")
		server.ServeHTTP(w, r)
		require.Contains(t, []int{200, 400, 409, 413, 422, 500}, w.Code, w.Body)
		require.NotContains(t, w.Body.String(), "caused a panic")
		if w.Code == 200 {
			require.Equal(t, "a", parse(t, w.Body.Bytes()).text("metadata.name"))
		}
	})
}

// What a client accepts is found or refused with 406.
func FuzzAccept(f *testing.F) {
	server := start(f)
	f.Add("application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json")
	f.Add("application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io;q=0.5, */*;q=x")
	f.Add("application/json;as=APIGroupDiscoveryList, ;;,")
	f.Fuzz(func(t *testing.T, accept string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", configMaps, nil)
		r.Header.Set("Accept", accept)
		server.ServeHTTP(w, r)
		require.Contains(t, []int{200, 406}, w.Code, w.Body)
	})
}
