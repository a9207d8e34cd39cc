package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// lines are those of the table.
func (o options) lines() []line {
	return []line{
		{name: "creates", always: true, total: int64(o.pods), each: create},
		{name: "gets", each: get},
		{name: "status patches", each: patchStatus},
		{name: "full lists", each: listAll},
		{name: "lists of one node's pods", each: listNode},
		{name: "lists by label", each: listLabel},
		{name: "watch events", run: fanOut},
		{name: "deletes", total: int64(o.pods), each: remove},
	}
}

func create(ctx context.Context, s *side, client int, i int64) error {
	_, err := s.clients[client].CoreV1().Pods(namespace).Create(ctx, pod(i), metav1.CreateOptions{})
	return err
}

// some returns the name of a pod, in no particular order.
func (s *side) some(i int64) string { return podName(i * 7919 % int64(s.pods)) }

func get(ctx context.Context, s *side, client int, i int64) error {
	_, err := s.clients[client].CoreV1().Pods(namespace).Get(ctx, s.some(i), metav1.GetOptions{})
	return err
}

func patchStatus(ctx context.Context, s *side, client int, i int64) error {
	n := atomic.AddInt64(&s.patches, 1)
	_, err := s.clients[client].CoreV1().Pods(namespace).Patch(ctx, s.some(i), types.StrategicMergePatchType,
		statusPatch(n), metav1.PatchOptions{}, "status")
	return err
}

func remove(ctx context.Context, s *side, client int, i int64) error {
	now := int64(0)
	return s.clients[client].CoreV1().Pods(namespace).Delete(ctx, podName(i), metav1.DeleteOptions{GracePeriodSeconds: &now})
}

func listAll(ctx context.Context, s *side, client int, _ int64) error {
	return s.list(ctx, client, metav1.ListOptions{})
}

func listLabel(ctx context.Context, s *side, client int, i int64) error {
	return s.list(ctx, client, metav1.ListOptions{LabelSelector: fmt.Sprintf("app=web-%02d", i%groups)})
}

func listNode(ctx context.Context, s *side, client int, i int64) error {
	return s.list(ctx, client, metav1.ListOptions{FieldSelector: fmt.Sprintf("spec.nodeName=node-%03d", i%250)})
}

// list reads a list of pods, and decodes it if that is wanted.
func (s *side) list(ctx context.Context, client int, opts metav1.ListOptions) error {
	if s.decode {
		_, err := s.clients[client].CoreV1().Pods(namespace).List(ctx, opts)
		return err
	}
	body, err := s.rest(client).Get().Namespace(namespace).Resource("pods").
		VersionedParams(&opts, scheme.ParameterCodec).Stream(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	n, err := io.Copy(io.Discard, body)
	if err == nil && n == 0 {
		return fmt.Errorf("an empty list")
	}
	return err
}
