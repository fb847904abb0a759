{{/* What any Pod of ours may do: nothing, but write to /tmp, which is in memory. */}}
{{- define "sendoff.podSecurity" -}}
serviceAccountName: {{ include "sendoff.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "sendoff.containerSecurity" -}}
image: {{ include "sendoff.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: config, mountPath: /etc/sendoff, readOnly: true}
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "sendoff.volumes" -}}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: {{ .Values.tmpSize }}}
{{- end }}
