package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/internal/body"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// eviction asks a pod to leave: kubectl drain. It is a deletion in which the
// pod's budget for disruptions has a say (budget.go), and that leaves word in the
// pod of why.
type eviction struct {
	objects apiserver.Objects
	api     func() http.Handler
}

// ServeConnect implements apiserver.Connector.
func (e eviction) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	if e.api == nil {
		return apierrors.NewInternalError(errors.New("evictions are not set up on this server"))
	}
	wanted := &policyv1.Eviction{}
	if err := body.Read(r, wanted); err != nil {
		return err
	}
	if wanted.Name != "" && wanted.Name != c.Name {
		return apierrors.NewBadRequest("name in URL does not match name in Eviction object")
	}
	if err := c.Admit(wanted); err != nil {
		return err
	}
	options := wanted.DeleteOptions
	if options == nil {
		options = &metav1.DeleteOptions{}
	}
	if r.URL.Query().Get("dryRun") == metav1.DryRunAll {
		options.DryRun = []string{metav1.DryRunAll}
	}
	pod, err := typed.Get[*corev1.Pod](r.Context(), e.objects, c.Namespace, c.Name)
	if err != nil {
		return err
	}
	dryRun := slices.Contains(options.DryRun, metav1.DryRunAll)
	mayGo := func(*corev1.Pod) error { return nil }
	if !exempt(pod) {
		if mayGo, err = e.spend(r.Context(), pod, dryRun); err != nil {
			return err
		}
	}
	if !dryRun && pod.DeletionTimestamp == nil {
		if err := e.mark(r.Context(), pod, options.Preconditions, mayGo); err != nil {
			return err
		}
	}
	if err := e.delete(r.Context(), c, options); err != nil {
		return err
	}
	return success(w, r)
}

// mark says in the pod's status that it was evicted, which tells its controller
// that the pod did not fail by itself (KEP-3329).
func (e eviction) mark(ctx context.Context, pod *corev1.Pod, p *metav1.Preconditions, mayGo func(*corev1.Pod) error) error {
	_, err := typed.Modify(ctx, e.objects, pod.Namespace, pod.Name, func(pod *corev1.Pod) error {
		if err := mayGo(pod); err != nil {
			return err
		}
		if p != nil && p.UID != nil && *p.UID != pod.UID {
			//lint:ignore ST1005 these are Kubernetes' words
			return apierrors.NewConflict(corev1.Resource("pods"), pod.Name, fmt.Errorf(
				"Precondition failed: UID in precondition: %v, UID in object meta: %v", *p.UID, pod.UID))
		}
		if p != nil && p.ResourceVersion != nil {
			if *p.ResourceVersion != pod.ResourceVersion {
				//lint:ignore ST1005 these are Kubernetes' words
				return apierrors.NewConflict(corev1.Resource("pods"), pod.Name, fmt.Errorf(
					"Precondition failed: ResourceVersion in precondition: %v, ResourceVersion in object meta: %v", *p.ResourceVersion, pod.ResourceVersion))
			}
			return nil // the mark would break the precondition of the deletion
		}
		setCondition(pod, corev1.PodCondition{
			Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue,
			Reason: "EvictionByEvictionAPI", Message: "Eviction API: evicting",
		})
		return nil
	})
	return err
}

// delete sends the deletion through the server itself, as the server: who may
// evict need not be allowed to delete.
func (e eviction) delete(ctx context.Context, c *apiserver.Connection, options *metav1.DeleteOptions) error {
	options.TypeMeta = metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"}
	data, err := json.Marshal(options)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	path := "/api/v1/namespaces/" + url.PathEscape(c.Namespace) + "/pods/" + url.PathEscape(c.Name)
	req, err := http.NewRequestWithContext(auth.WithUser(ctx, auth.Server()), http.MethodDelete, path, bytes.NewReader(data))
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	req.Header.Set("Content-Type", api.JSON)
	req.Header.Set("Accept", api.JSON)
	answer := &recorder{header: http.Header{}, code: http.StatusOK}
	e.api().ServeHTTP(answer, req)
	if answer.code < 300 {
		return nil
	}
	status := metav1.Status{}
	if err := json.Unmarshal(answer.body.Bytes(), &status); err != nil {
		return apierrors.NewInternalError(fmt.Errorf("evict pod %s: status %d", c.Name, answer.code))
	}
	return &apierrors.StatusError{ErrStatus: status}
}

// recorder is a response that is kept in memory.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) { r.code = code }

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
