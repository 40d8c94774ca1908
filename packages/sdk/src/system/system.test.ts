import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { AmdgpuDriver, amdCards } from "./amd.ts";
import { AppleSilicon } from "./apple.ts";
import { kubernetesImage } from "./kubernetes.ts";
import { limitsOf } from "./limits.ts";
import { findTool } from "./tool.ts";

const dir = mkdtempSync(join(tmpdir(), "steelyard-hardware-"));
after(() => rmSync(dir, { recursive: true, force: true }));

/** Files of a machine, by path below a folder of their own; the folder. */
function machine(name: string, files: Record<string, string>): string {
  const root = join(dir, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test("a container's limits, the tightest of its groups, its file cache not counted", () => {
  const root = machine("cgroup", {
    own: "0::/kubepods/pod1/one\n",
    "fs/kubepods/cpu.max": "max 100000\n",
    "fs/kubepods/memory.max": "max\n",
    "fs/kubepods/pod1/cpu.max": "150000 100000\n",
    "fs/kubepods/pod1/memory.max": `${2 ** 30}\n`,
    "fs/kubepods/pod1/memory.current": "700000000\n",
    "fs/kubepods/pod1/memory.stat": "anon 5\ninactive_file 200000000\n",
    "fs/kubepods/pod1/one/cpu.max": "400000 100000\n",
    "fs/kubepods/pod1/one/memory.max": `${2 ** 33}\n`,
  });
  const { cpus, memory } = limitsOf(join(root, "own"), join(root, "fs"));
  assert.deepEqual([cpus, memory?.max, memory?.used()], [1.5, 2 ** 30, 500_000_000]);
  assert.deepEqual(limitsOf(join(root, "nothing"), join(root, "fs")), { cpus: undefined, memory: undefined });
});

test("AMD GPUs as the kernel tells of them", async () => {
  const root = machine("drm", {
    "card0/device/vendor": "0x10de\n",
    "card1/device/vendor": "0x1002\n",
    "card1/device/gpu_busy_percent": "42\n",
    "card1/device/mem_busy_percent": "7\n",
    "card1/device/mem_info_vram_used": "4000000000\n",
    "card1/device/mem_info_vram_total": "16000000000\n",
    "card1/device/unique_id": "abc\n",
    "card1/device/hwmon/hwmon3/power1_average": "150000000\n",
    "card1/device/hwmon/hwmon3/power1_cap": "300000000\n",
    "card1/device/hwmon/hwmon3/temp1_input": "61000\n",
    "card1-DP-1/status": "off\n",
  });
  const cards = amdCards(root);
  assert.deepEqual(cards, [join(root, "card1")]);
  const driver = new AmdgpuDriver(cards, undefined);
  assert.deepEqual(await driver.sample(), {
    "gpu.0.gpu": 42,
    "gpu.0.memoryAllocated": 25,
    "gpu.0.memoryReadWriteActivity": 7,
    "gpu.0.temp": 61,
    "gpu.0.powerWatts": 150,
    "gpu.0.powerPercent": 50,
  });
  assert.deepEqual(await driver.hardware(), {
    gpu: "AMD",
    gpu_count: 1,
    gpu_amd: [{ id: "0", uniqueId: "abc", vendor: "AMD" }],
  });
});

test("Apple silicon, as ioreg, vm_stat and sysctl tell of it", {
  skip: process.platform === "win32",
}, async () => {
  const bin = machine("apple", {
    ioreg: `#!/bin/sh
echo '+-o AGXAcceleratorG13X  <class AGXAcceleratorG13X>'
echo '    "gpu-core-count" = 16'
echo '    "PerformanceStatistics" = {"In use system memory"=623542272,"Device Utilization %"=37,"Renderer Utilization %"=36}'
`,
    vm_stat: `#!/bin/sh
echo 'Mach Virtual Memory Statistics: (page size of 16384 bytes)'
echo 'Pages free:                               10000.'
echo 'Pages active:                            400000.'
echo 'Pages wired down:                        100000.'
echo 'Pages occupied by compressor:             50000.'
`,
    sysctl: `#!/bin/sh
echo 'machdep.cpu.brand_string: Apple M1 Pro'
echo 'hw.perflevel0.physicalcpu: 8'
echo 'hw.perflevel1.physicalcpu: 2'
echo 'hw.memsize: 17179869184'
echo 'hw.model: MacBookPro18,1'
echo 'vm.swapusage: total = 2048.00M  used = 512.00M  free = 1536.00M  (encrypted)'
`,
  });
  for (const name of ["ioreg", "vm_stat", "sysctl"]) chmodSync(join(bin, name), 0o755);
  const before = process.env.PATH;
  process.env.PATH = `${bin}:${before}`;
  try {
    const { signal } = new AbortController();
    const apple = new AppleSilicon();
    assert.deepEqual(await apple.sample(signal), {
      "gpu.0.gpu": 37,
      "memory.used": 550_000 * 16_384,
      "memory.used_percent": (100 * 550_000 * 16_384) / 17_179_869_184,
      "swap.used": 512 * 2 ** 20,
      "swap.used_percent": 25,
    });
    assert.deepEqual(await apple.hardware(signal), {
      gpu: "Apple M1 Pro",
      gpu_count: 1,
      apple: {
        name: "Apple M1 Pro",
        pcpuCores: 8,
        ecpuCores: 2,
        gpuCores: 16,
        memoryGb: 16,
        swapTotalBytes: "2147483648",
        ramTotalBytes: "17179869184",
        macModel: "MacBookPro18,1",
      },
    });
  } finally {
    process.env.PATH = before;
  }
});

test("WANDB_DOCKER: in a pod the cluster is asked for the image, and a cluster that does not say is an error to note", {
  skip: findTool("openssl") ? false : "openssl makes the certificate",
}, async () => {
  const folder = machine("pod", { token: "secret-token\n", namespace: "lab\n" });
  execFileSync(
    "openssl",
    `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out ca.crt`.split(
      " ",
    ),
    { cwd: folder, stdio: "ignore" },
  );
  const asked: unknown[] = [];
  const cluster = createServer(
    { key: readFileSync(join(folder, "key.pem")), cert: readFileSync(join(folder, "ca.crt")) },
    (request, response) => {
      asked.push([request.url, request.headers.authorization]);
      const known = request.url?.endsWith("/pods/pod-1");
      response.statusCode = known ? 200 : 403;
      response.end(
        JSON.stringify({
          status: { containerStatuses: [{ imageID: "docker-pullable://reg/image@sha256:12" }] },
        }),
      );
    },
  );
  cluster.listen(0, "127.0.0.1");
  await once(cluster, "listening");
  const environment = {
    KUBERNETES_SERVICE_HOST: "127.0.0.1",
    KUBERNETES_PORT_443_TCP_PORT: String((cluster.address() as AddressInfo).port),
    HOSTNAME: "pod-1",
  };
  const { signal } = new AbortController();
  try {
    assert.equal(await kubernetesImage(environment, signal, folder), "reg/image@sha256:12");
    assert.deepEqual(asked, [["/api/v1/namespaces/lab/pods/pod-1", "Bearer secret-token"]]);
    await assert.rejects(
      kubernetesImage({ ...environment, HOSTNAME: "other", KUBERNETES_NAMESPACE: "ns" }, signal, folder),
      /answers 403 to \/api\/v1\/namespaces\/ns\/pods\/other/,
    );
    await assert.rejects(kubernetesImage(environment, signal, join(folder, "none")), /ENOENT/);
    assert.equal(await kubernetesImage({}, signal, folder), undefined);
  } finally {
    cluster.closeAllConnections();
    cluster.close();
  }
});
