import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where a pod finds who it is. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const TIMEOUT_MS = 3000;

interface Pod {
  status?: { containerStatuses?: { imageID?: string }[] };
}

/**
 * Digest of the image that this pod's first container runs, asked of the cluster; undefined outside of one. Throws Error
 * when the cluster does not say: the account may not read pods, say.
 */
export async function kubernetesImage(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
  folder = SERVICE_ACCOUNT,
): Promise<string | undefined> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_PORT_443_TCP_PORT: port, HOSTNAME: pod } = environment;
  if (!host || !port || !pod) return undefined;
  const read = (name: string) => readFileSync(join(folder, name), "utf8").trim();
  const token = read("token");
  const namespace = environment.KUBERNETES_NAMESPACE || read("namespace");
  // Loaded where it is needed only: most machines are no pods.
  const { get } = process.getBuiltinModule("node:https");
  const body = await new Promise<string>((resolve, reject) => {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
    const request = get(
      {
        host,
        port,
        path,
        ca: read("ca.crt"),
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`the cluster answers ${response.statusCode} to ${path}`));
        });
      },
    );
    request.on("error", reject);
  });
  const image = (JSON.parse(body) as Pod).status?.containerStatuses?.[0]?.imageID;
  return image?.replace(/^docker-pullable:\/\//, "") || undefined;
}
