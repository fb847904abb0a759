{{/* config.yaml: what is given, and the names of the Service as servers that are never a webhook. */}}
{{- define "sendoff.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $security := $config.security | default dict }}
{{- $name := include "sendoff.name" . }}
{{- $own := $security.ownServers | default list }}
{{- $space := .Release.Namespace }}
{{- range list $name (printf "%s.%s" $name $space) (printf "%s.%s.svc" $name $space) (printf "%s.%s.svc.cluster.local" $name $space) }}
{{- $own = append $own (printf "%s:%d" . (int $.Values.service.port)) }}
{{- end }}
{{- $_ := set $config "security" (merge (dict "ownServers" $own) $security) }}
{{- toYaml $config }}
{{- end }}

{{/* The variables of the Secret. An address that is missing is told here, not by a container that ends. */}}
{{- define "sendoff.secrets" -}}
{{- with .Values.secret -}}
SENDOFF_POSTGRES__URL: {{ required "secret.postgresUrl is missing: the chart brings no servers of its own (or name a Secret in secret.existing)" .postgresUrl | quote }}
SENDOFF_REDIS__BROKER_URL: {{ required "secret.brokerUrl is missing" .brokerUrl | quote }}
SENDOFF_REDIS__CACHE_URL: {{ required "secret.cacheUrl is missing" .cacheUrl | quote }}
SENDOFF_NATS__URL: {{ required "secret.natsUrl is missing" .natsUrl | quote }}
SENDOFF_HTTP__API_KEYS: {{ toJson .apiKeys | quote }}
SENDOFF_SECURITY__ENCRYPTION_KEYS: {{ toJson .encryptionKeys | quote }}
{{- with .migrationUrl }}
MIGRATION_POSTGRES_URL: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
