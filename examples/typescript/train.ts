// A small neural network that learns to tell three spirals apart, written in plain TypeScript and tracked with Steelyard.
// `npm run example` starts it; with WANDB_BASE_URL and WANDB_API_KEY set, `node examples/typescript/train.ts` does too.
import * as steelyard from "steelyard";

const CLASSES = 3;
const HIDDEN = 48;
const config = {
  classes: CLASSES,
  hidden: HIDDEN,
  epochs: 150,
  batchSize: 32,
  learningRate: 0.02,
  momentum: 0.9,
  weightDecay: 0.0001,
  noise: 0.18,
  seed: 7,
};

/** Random numbers from 0 up to 1, the same ones for the same seed (xorshift32). */
function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const random = randomNumbers(config.seed);
const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

interface Sample {
  x: number;
  y: number;
  label: number;
}

/** Points along arms that wind round the origin, each with its own noise. */
function spirals(perClass: number): Sample[] {
  const samples: Sample[] = [];
  for (let label = 0; label < CLASSES; label++) {
    for (let index = 0; index < perClass; index++) {
      const radius = (index + 1) / perClass;
      const angle = (label * 2 * Math.PI) / CLASSES + radius * 4 + gaussian() * config.noise;
      samples.push({ x: radius * Math.sin(angle), y: radius * Math.cos(angle), label });
    }
  }
  return samples;
}

/** One dense layer with its gradients and the velocity that momentum keeps. */
class Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float64Array;
  readonly gradients: Float64Array;
  readonly #velocity: Float64Array;

  constructor(inputs: number, outputs: number) {
    this.inputs = inputs;
    this.outputs = outputs;
    // The last weight of each output is its bias.
    const size = outputs * (inputs + 1);
    const scale = Math.sqrt(2 / inputs);
    this.weights = Float64Array.from({ length: size }, () => gaussian() * scale);
    this.gradients = new Float64Array(size);
    this.#velocity = new Float64Array(size);
  }

  forward(input: Float64Array): Float64Array {
    const output = new Float64Array(this.outputs);
    for (let row = 0; row < this.outputs; row++) {
      const start = row * (this.inputs + 1);
      let sum = this.weights[start + this.inputs] ?? 0;
      for (let column = 0; column < this.inputs; column++)
        sum += (this.weights[start + column] ?? 0) * (input[column] ?? 0);
      output[row] = sum;
    }
    return output;
  }

  /** Adds to the gradients; returns the error of the inputs. */
  backward(input: Float64Array, error: Float64Array): Float64Array {
    const back = new Float64Array(this.inputs);
    for (let row = 0; row < this.outputs; row++) {
      const start = row * (this.inputs + 1);
      const own = error[row] ?? 0;
      for (let column = 0; column < this.inputs; column++) {
        this.gradients[start + column] = (this.gradients[start + column] ?? 0) + own * (input[column] ?? 0);
        back[column] = (back[column] ?? 0) + own * (this.weights[start + column] ?? 0);
      }
      this.gradients[start + this.inputs] = (this.gradients[start + this.inputs] ?? 0) + own;
    }
    return back;
  }

  /** One step down the mean gradient of `count` samples; returns the gradient's squared length. */
  step(rate: number, count: number): number {
    let squared = 0;
    for (let index = 0; index < this.weights.length; index++) {
      const weight = this.weights[index] ?? 0;
      const gradient = (this.gradients[index] ?? 0) / count + config.weightDecay * weight;
      squared += gradient * gradient;
      const velocity = config.momentum * (this.#velocity[index] ?? 0) - rate * gradient;
      this.#velocity[index] = velocity;
      this.weights[index] = weight + velocity;
      this.gradients[index] = 0;
    }
    return squared;
  }
}

const layers = [new Layer(2, HIDDEN), new Layer(HIDDEN, HIDDEN), new Layer(HIDDEN, CLASSES)];

/** What went into each layer, and the probabilities that came out. */
function predict(sample: Sample): { inputs: Float64Array[]; probabilities: Float64Array } {
  const inputs: Float64Array[] = [];
  let current = Float64Array.of(sample.x, sample.y);
  for (const [index, layer] of layers.entries()) {
    inputs.push(current);
    current = layer.forward(current) as Float64Array<ArrayBuffer>;
    if (index < layers.length - 1) current = current.map((value) => Math.max(0, value));
  }
  const highest = Math.max(...current);
  const powers = current.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return { inputs, probabilities: powers.map((value) => value / sum) };
}

/** Adds the sample's gradients; returns its loss and whether it was told right. */
function learn(sample: Sample): { loss: number; right: boolean } {
  const { inputs, probabilities } = predict(sample);
  let error: Float64Array = probabilities.map((value, label) => value - (label === sample.label ? 1 : 0));
  for (let index = layers.length - 1; index >= 0; index--) {
    const input = inputs[index] as Float64Array;
    error = (layers[index] as Layer).backward(input, error);
    // A unit that was silent passes nothing back.
    if (index > 0) error = error.map((value, unit) => ((input[unit] ?? 0) > 0 ? value : 0));
  }
  return judge(sample, probabilities);
}

function judge(sample: Sample, probabilities: Float64Array): { loss: number; right: boolean } {
  return {
    loss: -Math.log(Math.max(1e-12, probabilities[sample.label] ?? 0)),
    right: probabilities.indexOf(Math.max(...probabilities)) === sample.label,
  };
}

function evaluate(samples: readonly Sample[]): { loss: number; accuracy: number } {
  let loss = 0;
  let right = 0;
  for (const sample of samples) {
    const result = judge(sample, predict(sample).probabilities);
    loss += result.loss;
    if (result.right) right++;
  }
  return { loss: loss / samples.length, accuracy: right / samples.length };
}

function shuffle<T>(list: T[]): void {
  for (let index = list.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [list[index], list[other]] = [list[other] as T, list[index] as T];
  }
}

const training = spirals(200);
const heldOut = spirals(100);

const run = await steelyard.init({
  project: "spirals",
  config,
  tags: ["example", "typescript"],
  notes: "Three spirals, a network of two hidden layers, plain TypeScript.",
});
run.defineMetric("validation/accuracy", { summary: "max,last" });
run.defineMetric("validation/loss", { summary: "min,last" });

let best = 0;
for (let epoch = 0; epoch < config.epochs && !run.stopRequested; epoch++) {
  shuffle(training);
  // Half a cosine: large steps first, small ones at the end.
  const rate = config.learningRate * 0.5 * (1 + Math.cos((Math.PI * epoch) / config.epochs));
  let epochLoss = 0;
  let epochRight = 0;
  for (let start = 0; start < training.length; start += config.batchSize) {
    const batch = training.slice(start, start + config.batchSize);
    let loss = 0;
    for (const sample of batch) {
      const result = learn(sample);
      loss += result.loss;
      if (result.right) epochRight++;
    }
    epochLoss += loss;
    let squared = 0;
    for (const layer of layers) squared += layer.step(rate, batch.length);
    run.log({
      "train/batch_loss": loss / batch.length,
      "train/gradient_norm": Math.sqrt(squared),
      learning_rate: rate,
      epoch: epoch + start / training.length,
    });
  }
  const validation = evaluate(heldOut);
  best = Math.max(best, validation.accuracy);
  run.log({
    "train/loss": epochLoss / training.length,
    "train/accuracy": epochRight / training.length,
    "validation/loss": validation.loss,
    "validation/accuracy": validation.accuracy,
    epoch: epoch + 1,
  });
  if ((epoch + 1) % 10 === 0)
    console.log(
      `epoch ${epoch + 1}: held-out accuracy ${(100 * validation.accuracy).toFixed(1)} %, loss ${validation.loss.toFixed(4)}`,
    );
  // Room for the rest of the process; a program that trains in a native library has it anyway.
  await new Promise((resolve) => setImmediate(resolve));
}
run.summary.set("best_accuracy", best);
await run.finish();
