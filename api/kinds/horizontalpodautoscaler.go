package kinds

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func horizontalPodAutoscalers() *api.Resource {
	return &api.Resource{
		GroupVersionKind: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"),
		Plural:           "horizontalpodautoscalers",
		Singular:         "horizontalpodautoscaler",
		ShortNames:       []string{"hpa"},
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &autoscalingv2.HorizontalPodAutoscaler{} },
		NewList:          func() runtime.Object { return &autoscalingv2.HorizontalPodAutoscalerList{} },
		Generation:       true,
		CopyStatus:       api.Pair(func(dst, src *autoscalingv2.HorizontalPodAutoscaler) { dst.Status = src.Status }),
	}
}
