// The official TypeScript SDK, unmodified: list, submit, poll, download.
import { createHash } from "node:crypto";
import { OpenRouter } from "@openrouter/sdk";

const { base, key, request } = JSON.parse(process.env.ARGUMENTS);
const { videoGeneration } = new OpenRouter({ apiKey: key, serverURL: base });

const models = await videoGeneration.listVideosModels();
const submitted = await videoGeneration.generate({ videoGenerationRequest: request });
let job = submitted;
while (job.status === "pending" || job.status === "in_progress") {
  await new Promise((resolve) => setTimeout(resolve, 5));
  job = await videoGeneration.getGeneration({ jobId: job.id });
}
const chunks = [];
for await (const chunk of await videoGeneration.getVideoContent({ jobId: job.id })) {
  chunks.push(chunk);
}
const video = Buffer.concat(chunks);
console.log(JSON.stringify({
  models: models.data.length,
  submitted,
  job,
  bytes: video.length,
  sha256: createHash("sha256").update(video).digest("hex"),
}));
