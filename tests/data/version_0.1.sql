BEGIN TRANSACTION;
CREATE TABLE actual_costs (
  profile TEXT PRIMARY KEY,
  dearest_micros BIGINT NOT NULL,
  jobs BIGINT NOT NULL,
  at BIGINT NOT NULL
);
INSERT INTO "actual_costs" VALUES('x-ai/grok-imagine-video||1|',200000,3,1795348822000);
CREATE TABLE archivals (
  job_id TEXT NOT NULL,
  output BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  give_up_at BIGINT NOT NULL,
  lease_token TEXT,
  lease_until BIGINT,
  PRIMARY KEY (job_id, output)
);
CREATE TABLE asset_removals (
  name TEXT PRIMARY KEY,
  job_id TEXT NOT NULL,
  output BIGINT NOT NULL,
  store TEXT NOT NULL,
  team TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  stored_at BIGINT NOT NULL,
  removed_at BIGINT NOT NULL,
  reason TEXT NOT NULL,
  made_by TEXT NOT NULL,
  last_copy BIGINT NOT NULL
);
CREATE TABLE assets (
  name TEXT PRIMARY KEY,
  job_id TEXT NOT NULL,
  output BIGINT NOT NULL,
  store TEXT NOT NULL,
  team TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  stored_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  doomed_at BIGINT,
  doomed_because TEXT
);
CREATE TABLE audit (
  number BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  act TEXT NOT NULL,
  subject TEXT NOT NULL,
  made_by TEXT NOT NULL,
  origin TEXT NOT NULL,
  details TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO "audit" VALUES(1,1795348800000,'config.loaded','c6d814bdbd6e','start','process 19583 on vm','{}','0000000000000000000000000000000000000000000000000000000000000000','c914c0ef5b2336d2f09dcfca335d0ef3b9e7871daf9bde3ba90ee50abcde0b97');
CREATE TABLE audit_head (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  number BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO "audit_head" VALUES(1,1,'c914c0ef5b2336d2f09dcfca335d0ef3b9e7871daf9bde3ba90ee50abcde0b97');
CREATE TABLE awaited_webhooks (
  job_id TEXT PRIMARY KEY,
  upstream TEXT NOT NULL,
  since BIGINT NOT NULL
);
CREATE TABLE catalog_changes (
  upstream TEXT NOT NULL,
  at BIGINT NOT NULL,
  number BIGINT NOT NULL,
  kind TEXT NOT NULL,
  model TEXT NOT NULL,
  field TEXT NOT NULL,
  before_value TEXT NOT NULL,
  after_value TEXT NOT NULL,
  PRIMARY KEY (upstream, at, number)
);
CREATE TABLE catalogs (
  upstream TEXT PRIMARY KEY,
  models TEXT NOT NULL,
  fetched_at BIGINT NOT NULL
);
INSERT INTO "catalogs" VALUES('sandbox','[{"id":"heygen/heygen-video-1","canonical_slug":"heygen/heygen-video-1-20260930","hugging_face_id":null,"name":"HeyGen: HeyGen Video","created":1790798684,"description":"General-purpose short clips with built-in sound.","supported_resolutions":["480p","768p"],"supported_aspect_ratios":["21:9","16:9","4:3","1:1","3:4","9:16"],"supported_sizes":null,"supported_durations":[5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":false,"seed":true,"pricing_skus":{"duration_seconds_480p":"0.02","duration_seconds_768p":"0.03","reference_duration_seconds_480p":"0.04","reference_duration_seconds_768p":"0.06"},"allowed_passthrough_parameters":[]},{"id":"black-forest-labs/flux-video-edit","canonical_slug":"black-forest-labs/flux-video-edit-20260910","hugging_face_id":null,"name":"Black Forest Labs: FLUX Video Edit","created":1789073532,"description":"Edits a supplied source video from an instruction.","supported_resolutions":null,"supported_aspect_ratios":null,"supported_sizes":null,"supported_durations":null,"supported_frame_images":null,"upscale_factor":null,"creativity":null,"generate_audio":false,"seed":false,"pricing_skus":{"cents_per_second_output":"3"},"allowed_passthrough_parameters":["safety_tolerance"]},{"id":"minimax/hailuo-3-max","canonical_slug":"minimax/hailuo-3-max-20260901","hugging_face_id":null,"name":"MiniMax: H3 Max","created":1788313310,"description":"Fast text-to-video and image-to-video.","supported_resolutions":["768p","480p"],"supported_aspect_ratios":["21:9","16:9","4:3","1:1","3:4","9:16"],"supported_sizes":null,"supported_durations":[5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":false,"seed":false,"pricing_skus":{"duration_seconds":"0.08","duration_seconds_480p":"0.05","duration_seconds_768p":"0.08"},"allowed_passthrough_parameters":["aigc_watermark"]},{"id":"alibaba/wan-3.0-prime","canonical_slug":"alibaba/wan-3.0-prime-20260827","hugging_face_id":null,"name":"Alibaba: Wan 3.0 Prime","created":1787863800,"description":"Fast-mode variant of Wan 3.0.","supported_resolutions":["480p","720p","1080p"],"supported_aspect_ratios":["16:9","4:3","1:1","3:4","9:16"],"supported_sizes":null,"supported_durations":[2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"duration_seconds_480p":"0.068","duration_seconds_720p":"0.14","duration_seconds_1080p":"0.28"},"allowed_passthrough_parameters":[]},{"id":"alibaba/wan-3.0","canonical_slug":"alibaba/wan-3.0-20260824","hugging_face_id":null,"name":"Alibaba: Wan 3.0","created":1787603856,"description":"Text, image and reference guided video, 2 to 30 seconds.","supported_resolutions":["480p","720p","1080p"],"supported_aspect_ratios":["16:9","4:3","1:1","3:4","9:16"],"supported_sizes":null,"supported_durations":[2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"duration_seconds_480p":"0.05","duration_seconds_720p":"0.1","duration_seconds_1080p":"0.2"},"allowed_passthrough_parameters":[]},{"id":"heygen/avatar-iv","canonical_slug":"heygen/avatar-iv-20260625","hugging_face_id":null,"name":"HeyGen: Avatar IV","created":1787595728,"description":"Talking-head video animated from one photo.","supported_resolutions":["720p","1080p"],"supported_aspect_ratios":["16:9","9:16","1:1"],"supported_sizes":null,"supported_durations":null,"supported_frame_images":null,"upscale_factor":null,"creativity":null,"generate_audio":false,"seed":false,"pricing_skus":{"duration_seconds":"0.05"},"allowed_passthrough_parameters":["voice_id","voice_settings","motion_prompt","expressiveness","fit","remove_background","background","caption","title"]},{"id":"black-forest-labs/flux-video-upscale","canonical_slug":"black-forest-labs/flux-video-upscale-20260819","hugging_face_id":null,"name":"Black Forest Labs: FLUX Video Upscale","created":1787173919,"description":"Enlarges a source video 1.5x to 3x.","supported_resolutions":null,"supported_aspect_ratios":null,"supported_sizes":null,"supported_durations":null,"supported_frame_images":null,"upscale_factor":{"min":1.5,"max":3},"creativity":[0,1],"generate_audio":false,"seed":false,"pricing_skus":{"cents_per_megapixel_second_precise":"7.5","cents_per_megapixel_second_creative":"10.5"},"allowed_passthrough_parameters":["safety_tolerance"]},{"id":"bytedance/seedance-2.0-mini","canonical_slug":"bytedance/seedance-2.0-mini-20260811","hugging_face_id":null,"name":"ByteDance: Seedance 2.0 Mini","created":1786552600,"description":"Small tier of Seedance 2.0 with multimodal references.","supported_resolutions":["480p","720p"],"supported_aspect_ratios":["1:1","3:4","9:16","4:3","16:9","21:9","9:21"],"supported_sizes":["480x480","480x640","480x854","640x480","854x480","1120x480","720x720","720x960","720x1280","720x1680","960x720","1280x720","1680x720"],"supported_durations":[4,5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"video_tokens":"0.0000035","video_tokens_without_audio":"0.0000035","video_tokens_with_video_input":"0.0000021"},"allowed_passthrough_parameters":["watermark","req_key","return_last_frame"]},{"id":"bytedance/seedance-2.5","canonical_slug":"bytedance/seedance-2.5-20260807","hugging_face_id":null,"name":"ByteDance: Seedance 2.5","created":1786141253,"description":"Long-form and multimodal reference video.","supported_resolutions":["480p","720p"],"supported_aspect_ratios":["16:9","4:3","1:1","3:4","9:16","21:9"],"supported_sizes":["854x480","752x560","640x640","560x752","480x854","992x432","1280x720","1112x834","960x960","834x1112","720x1280","1470x630"],"supported_durations":[4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"video_tokens":"0.0000107","video_tokens_without_audio":"0.0000107","video_tokens_with_video_input":"0.0000064"},"allowed_passthrough_parameters":["watermark","req_key","output_format"]},{"id":"black-forest-labs/flux-3-video","canonical_slug":"black-forest-labs/flux-3-video-20260804","hugging_face_id":null,"name":"Black Forest Labs: FLUX.3 Video","created":1785858831,"description":"Text, keyframe and continuation video.","supported_resolutions":["720p","1080p"],"supported_aspect_ratios":["21:9","16:9","4:3","1:1","3:4","9:16"],"supported_sizes":null,"supported_durations":[5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":false,"pricing_skus":{"cents_per_second_output":"17","cents_per_second_output_720p":"17","cents_per_second_output_1080p":"29","cents_per_second_video_continuation_720p":"41","cents_per_second_video_continuation_1080p":"53"},"allowed_passthrough_parameters":["safety_tolerance","version"]},{"id":"minimax/hailuo-3","canonical_slug":"minimax/hailuo-03-20260730","hugging_face_id":null,"name":"MiniMax: H3","created":1785366648,"description":"2K text and image to video.","supported_resolutions":["2K"],"supported_aspect_ratios":["21:9","16:9","4:3","1:1","3:4","9:16"],"supported_sizes":null,"supported_durations":[5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":false,"pricing_skus":{"duration_seconds":"0.13","reference_images":"0.04"},"allowed_passthrough_parameters":["aigc_watermark"]},{"id":"runway/aleph-2","canonical_slug":"runway/aleph-2-20260729","hugging_face_id":null,"name":"Runway: Aleph 2.0","created":1785339484,"description":"In-context video editing.","supported_resolutions":null,"supported_aspect_ratios":["16:9","4:3","3:2","1:1","2:3","3:4","9:16","21:9"],"supported_sizes":null,"supported_durations":null,"supported_frame_images":null,"upscale_factor":null,"creativity":null,"generate_audio":false,"seed":true,"pricing_skus":{"cents_per_second_output":"28","minimum_cents_per_generation":"56"},"allowed_passthrough_parameters":["contentModeration","keyframes"]},{"id":"runway/gen-4.5","canonical_slug":"runway/gen-4.5-20260729","hugging_face_id":null,"name":"Runway: Gen-4.5","created":1785339483,"description":"Text-to-video and image-to-video at 720p.","supported_resolutions":["720p"],"supported_aspect_ratios":["16:9","9:16"],"supported_sizes":["1280x720","720x1280"],"supported_durations":[2,3,4,5,6,7,8,9,10],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":false,"seed":true,"pricing_skus":{"cents_per_second_output":"12"},"allowed_passthrough_parameters":["contentModeration"]},{"id":"x-ai/grok-imagine-video-1.5","canonical_slug":"x-ai/grok-imagine-video-1.5-20260719","hugging_face_id":null,"name":"SpaceXAI: Grok Imagine Video 1.5","created":1784548100,"description":"Text or starting-image video up to 15 seconds.","supported_resolutions":["480p","720p","1080p"],"supported_aspect_ratios":["16:9","9:16","1:1","4:3","3:4","3:2","2:3"],"supported_sizes":null,"supported_durations":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":null,"seed":null,"pricing_skus":{"cents_per_image_input":"1","cents_per_video_output_second_480p":"8","cents_per_video_output_second_720p":"14","cents_per_video_output_second_1080p":"25"},"allowed_passthrough_parameters":[]},{"id":"alibaba/happyhorse-1.1","canonical_slug":"alibaba/happyhorse-1.1-20260624","hugging_face_id":null,"name":"Alibaba: HappyHorse 1.1","created":1782269643,"description":"Short text, image or reference video.","supported_resolutions":["720p","1080p"],"supported_aspect_ratios":["16:9","9:16","1:1","4:3","3:4","21:9","9:21"],"supported_sizes":["1280x720","720x1280","720x720","960x720","720x960","1680x720","720x1680","1920x1080","1080x1920","1080x1080","1440x1080","1080x1440","2520x1080","1080x2520"],"supported_durations":[3,4,5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":null,"seed":true,"pricing_skus":{"duration_seconds_720p":"0.0988","duration_seconds_1080p":"0.1278"},"allowed_passthrough_parameters":[]},{"id":"alibaba/happyhorse-1.0","canonical_slug":"alibaba/happyhorse-1.0-20260624","hugging_face_id":null,"name":"Alibaba: HappyHorse 1.0","created":1782260324,"description":"Short text, image or reference video.","supported_resolutions":["720p","1080p"],"supported_aspect_ratios":["16:9","9:16","1:1","4:3","3:4","21:9","9:21"],"supported_sizes":["1280x720","720x1280","720x720","960x720","720x960","1680x720","720x1680","1920x1080","1080x1920","1080x1080","1440x1080","1080x1440","2520x1080","1080x2520"],"supported_durations":[3,4,5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":null,"seed":true,"pricing_skus":{"duration_seconds_720p":"0.0988","duration_seconds_1080p":"0.1694"},"allowed_passthrough_parameters":[]},{"id":"x-ai/grok-imagine-video","canonical_slug":"x-ai/grok-imagine-video-20260512","hugging_face_id":null,"name":"SpaceXAI: Grok Imagine Video","created":1779117586,"description":"Fast text, image and reference video at 24 fps.","supported_resolutions":["480p","720p"],"supported_aspect_ratios":["16:9","9:16","1:1","4:3","3:4","3:2","2:3"],"supported_sizes":["854x480","1280x720","480x854","720x1280","480x480","720x720","640x480","960x720","480x640","720x960","720x480","1080x720","480x720","720x1080"],"supported_durations":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":null,"seed":null,"pricing_skus":{"cents_per_image_input":"0.2","cents_per_video_output_second_480p":"5","cents_per_video_output_second_720p":"7"},"allowed_passthrough_parameters":[]},{"id":"kwaivgi/kling-v3.0-pro","canonical_slug":"kwaivgi/kling-v3.0-pro-20260429","hugging_face_id":null,"name":"Kling: Video v3.0 Pro","created":1777496206,"description":"Premium tier of Kling 3.0.","supported_resolutions":["720p"],"supported_aspect_ratios":["16:9","9:16","1:1"],"supported_sizes":["1280x720","720x1280","720x720"],"supported_durations":[3,4,5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":false,"pricing_skus":{"duration_seconds":"0.112","duration_seconds_with_audio":"0.168","text_to_video_duration_seconds_480p":"0.112","text_to_video_duration_seconds_720p":"0.112","image_to_video_duration_seconds_720p":"0.112","text_to_video_duration_seconds_1080p":"0.112","image_to_video_duration_seconds_1080p":"0.112"},"allowed_passthrough_parameters":["negative_prompt","cfg_scale"]},{"id":"kwaivgi/kling-v3.0-std","canonical_slug":"kwaivgi/kling-v3.0-std-20260429","hugging_face_id":null,"name":"Kling: Video v3.0 Standard","created":1777496205,"description":"Standard tier of Kling 3.0.","supported_resolutions":["720p"],"supported_aspect_ratios":["16:9","9:16","1:1"],"supported_sizes":["1280x720","720x1280","720x720"],"supported_durations":[3,4,5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":false,"pricing_skus":{"duration_seconds":"0.084","duration_seconds_with_audio":"0.126","text_to_video_duration_seconds_480p":"0.084","text_to_video_duration_seconds_720p":"0.084","image_to_video_duration_seconds_720p":"0.084","text_to_video_duration_seconds_1080p":"0.084","image_to_video_duration_seconds_1080p":"0.084"},"allowed_passthrough_parameters":["negative_prompt","cfg_scale"]},{"id":"google/veo-3.1-fast","canonical_slug":"google/veo-3.1-fast-20260320","hugging_face_id":null,"name":"Google: Veo 3.1 Fast","created":1776994666,"description":"Faster Veo 3.1 with native audio.","supported_resolutions":["720p","1080p","4K"],"supported_aspect_ratios":["16:9","9:16"],"supported_sizes":["1280x720","1080x1920","1920x1080","720x1280","3840x2160","2160x3840"],"supported_durations":[4,6,8],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"duration_seconds_with_audio":"0.12","duration_seconds_with_audio_4k":"0.30","duration_seconds_without_audio":"0.10","duration_seconds_with_audio_720p":"0.10","duration_seconds_without_audio_4k":"0.25","duration_seconds_without_audio_720p":"0.08"},"allowed_passthrough_parameters":["personGeneration","aspectRatio","negativePrompt","conditioningScale","enhancePrompt"]},{"id":"google/veo-3.1-lite","canonical_slug":"google/veo-3.1-lite-20260331","hugging_face_id":null,"name":"Google: Veo 3.1 Lite","created":1776978818,"description":"Lowest-cost Veo 3.1 with native audio.","supported_resolutions":["720p","1080p"],"supported_aspect_ratios":["16:9","9:16"],"supported_sizes":["1280x720","720x1280","1920x1080","1080x1920"],"supported_durations":[8,4,6],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"duration_seconds_with_audio":"0.08","duration_seconds_without_audio":"0.05","duration_seconds_with_audio_720p":"0.05","duration_seconds_without_audio_720p":"0.03"},"allowed_passthrough_parameters":["personGeneration","aspectRatio","negativePrompt","conditioningScale","enhancePrompt"]},{"id":"kwaivgi/kling-video-o1","canonical_slug":"kwaivgi/kling-video-o1-20260420","hugging_face_id":null,"name":"Kling: Video O1","created":1776704777,"description":"Text-to-video and image-to-video.","supported_resolutions":["720p"],"supported_aspect_ratios":["16:9","9:16","1:1"],"supported_sizes":["1280x720","720x1280","720x720"],"supported_durations":[5,10],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":false,"pricing_skus":{"duration_seconds":"0.1120"},"allowed_passthrough_parameters":["negative_prompt"]},{"id":"minimax/hailuo-2.3","canonical_slug":"minimax/hailuo-2.3-20260420","hugging_face_id":null,"name":"MiniMax: Hailuo 2.3","created":1776702740,"description":"1080p text and image to video.","supported_resolutions":["1080p"],"supported_aspect_ratios":["16:9"],"supported_sizes":["1920x1080"],"supported_durations":[6,10],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":false,"seed":null,"pricing_skus":{"duration_seconds":"0.0817"},"allowed_passthrough_parameters":["prompt_optimizer","fast_pretreatment"]},{"id":"bytedance/seedance-2.0-fast","canonical_slug":"bytedance/seedance-2.0-fast-20260414","hugging_face_id":null,"name":"ByteDance: Seedance 2.0 Fast","created":1776211362,"description":"Fast tier of Seedance 2.0.","supported_resolutions":["480p","720p"],"supported_aspect_ratios":["1:1","3:4","9:16","4:3","16:9","21:9","9:21"],"supported_sizes":["480x480","480x640","480x854","640x480","854x480","1120x480","720x720","720x960","720x1280","720x1680","960x720","1280x720","1680x720"],"supported_durations":[4,5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"video_tokens":"0.0000042","video_tokens_without_audio":"0.0000042","video_tokens_with_video_input":"0.000002475"},"allowed_passthrough_parameters":["watermark","req_key"]},{"id":"alibaba/wan-2.7","canonical_slug":"alibaba/wan-2.7-20260414","hugging_face_id":null,"name":"Alibaba: Wan 2.7","created":1776211362,"description":"Text, first/last frame and reference video.","supported_resolutions":["720p","1080p"],"supported_aspect_ratios":["16:9","9:16","1:1","4:3","3:4"],"supported_sizes":["1280x720","720x1280","1920x1080","1080x1920","720x720","1080x1080","960x720","720x960","1440x1080","1080x1440"],"supported_durations":[2,3,4,5,6,7,8,9,10],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"duration_seconds":"0.1"},"allowed_passthrough_parameters":["negative_prompt","prompt_extend","audio","ratio","last_image","video","videos","images"]},{"id":"bytedance/seedance-2.0","canonical_slug":"bytedance/seedance-2.0-20260414","hugging_face_id":null,"name":"ByteDance: Seedance 2.0","created":1776211362,"description":"Multimodal reference video up to 4K.","supported_resolutions":["480p","720p","1080p","4K"],"supported_aspect_ratios":["1:1","3:4","9:16","4:3","16:9","21:9","9:21"],"supported_sizes":["480x480","480x640","480x854","640x480","854x480","1120x480","720x720","720x960","720x1280","720x1680","960x720","1280x720","1680x720","1080x1080","1080x1440","1080x1920","1440x1080","1920x1080","2520x1080","3840x2160","2160x3840","2160x2160","2880x2160","2160x2880","5040x2160"],"supported_durations":[4,5,6,7,8,9,10,11,12,13,14,15],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"video_tokens":"0.000007","video_tokens_4k":"0.000004","video_tokens_1080p":"0.0000077","video_tokens_without_audio":"0.000007","video_tokens_with_video_input":"0.0000043","video_tokens_4k_with_video_input":"0.0000024","video_tokens_1080p_with_video_input":"0.0000047"},"allowed_passthrough_parameters":["watermark","req_key"]},{"id":"alibaba/wan-2.6","canonical_slug":"alibaba/wan-2.6-20260327","hugging_face_id":null,"name":"Alibaba: Wan 2.6","created":1774659190,"description":"1080p video at 24 fps from text, image or references.","supported_resolutions":["720p","1080p"],"supported_aspect_ratios":["16:9","9:16"],"supported_sizes":["1280x720","1080x1920","720x1280","1920x1080"],"supported_durations":[5,10],"supported_frame_images":["first_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"text_to_video_duration_seconds_480p":"0.04","text_to_video_duration_seconds_720p":"0.08","image_to_video_duration_seconds_720p":"0.10","text_to_video_duration_seconds_1080p":"0.12","image_to_video_duration_seconds_1080p":"0.15"},"allowed_passthrough_parameters":["negative_prompt","enable_prompt_expansion","shot_type","audio","size"]},{"id":"bytedance/seedance-1-5-pro","canonical_slug":"bytedance/seedance-1-5-pro-20260320","hugging_face_id":null,"name":"ByteDance: Seedance 1.5 Pro","created":1774277608,"description":"Joint audio and video generation.","supported_resolutions":["480p","720p","1080p"],"supported_aspect_ratios":["1:1","3:4","9:16","9:21","4:3","16:9","21:9"],"supported_sizes":["480x480","480x640","480x854","480x1120","640x480","720x720","720x960","720x1280","720x1680","854x480","960x720","1080x1080","1080x1440","1080x1920","1080x2520","1120x480","1280x720","1440x1080","1680x720","1920x1080","2520x1080"],"supported_durations":[4,5,6,7,8,9,10,11,12],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"video_tokens":"0.0000024","video_tokens_without_audio":"0.0000012"},"allowed_passthrough_parameters":["watermark","req_key"]},{"id":"openai/sora-2-pro","canonical_slug":"openai/sora-2-pro-20260320","hugging_face_id":null,"name":"OpenAI: Sora 2 Pro","created":1774277521,"description":"Production video with synchronised audio.","supported_resolutions":["720p","1080p"],"supported_aspect_ratios":["16:9","9:16"],"supported_sizes":["1280x720","1080x1920","1920x1080","720x1280"],"supported_durations":[4,8,12,16,20],"supported_frame_images":null,"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":false,"pricing_skus":{"duration_seconds_720p":"0.30","duration_seconds_1024p":"0.50","duration_seconds_1080p":"0.50"},"allowed_passthrough_parameters":["quality","style"]},{"id":"google/veo-3.1","canonical_slug":"google/veo-3.1-20260320","hugging_face_id":null,"name":"Google: Veo 3.1","created":1774277148,"description":"Highest-fidelity Veo 3.1 with native audio.","supported_resolutions":["720p","1080p","4K"],"supported_aspect_ratios":["16:9","9:16"],"supported_sizes":["1280x720","1080x1920","1920x1080","720x1280","3840x2160","2160x3840"],"supported_durations":[4,6,8],"supported_frame_images":["first_frame","last_frame"],"upscale_factor":null,"creativity":null,"generate_audio":true,"seed":true,"pricing_skus":{"duration_seconds_with_audio":"0.40","duration_seconds_with_audio_4k":"0.60","duration_seconds_without_audio":"0.20","duration_seconds_without_audio_4k":"0.40"},"allowed_passthrough_parameters":["personGeneration","aspectRatio","negativePrompt","conditioningScale","enhancePrompt"]}]',1795348800000);
CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  event_id TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  lane TEXT NOT NULL,
  url TEXT,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
  attempts BIGINT NOT NULL,
  schedule_from BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  next_attempt_at BIGINT,
  ended_at BIGINT,
  lease_token TEXT,
  lease_until BIGINT
);
CREATE TABLE delivery_attempts (
  delivery_id TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  at BIGINT NOT NULL,
  status BIGINT,
  latency_ms BIGINT NOT NULL,
  error TEXT,
  detail TEXT NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (delivery_id, attempt)
);
CREATE TABLE endpoints (
  name TEXT PRIMARY KEY,
  failing_since BIGINT,
  last_failure BIGINT,
  disabled_at BIGINT,
  disabled_because TEXT
);
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  team TEXT,
  job_id TEXT,
  idempotency_key TEXT NOT NULL,
  body TEXT NOT NULL
);
INSERT INTO "events" VALUES('evt_Ma1enYIrzWFsKmnCh4tsOJWv','video.generation.completed',1795348805750,'growth','gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','gen-vid-1795348800-pGkofj8OBJ78sHsoBskA-completed','{"type":"video.generation.completed","created_at":"2026-11-22T12:00:05.750Z","data":{"id":"gen-vid-1795348800-pGkofj8OBJ78sHsoBskA","status":"completed","generation_id":"gen-vid-1795348800-pGkofj8OBJ78sHsoBskA","model":"x-ai/grok-imagine-video","unsigned_urls":["http://127.0.0.1:33069/api/v1/videos/gen-vid-1795348800-pGkofj8OBJ78sHsoBskA/content?index=0&expires=1795737600&signature=hFbKJXwnS68ByEOqPQ1wk0aWGrGJRw5lIICMGWl8i0E"],"usage":{"cost":0.07,"is_byok":false}}}');
INSERT INTO "events" VALUES('evt_MBhrmJLYfMn2j7zCYMZxA9Lo','video.generation.completed',1795348811750,'growth','gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS-completed','{"type":"video.generation.completed","created_at":"2026-11-22T12:00:11.750Z","data":{"id":"gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS","status":"completed","generation_id":"gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS","model":"x-ai/grok-imagine-video","unsigned_urls":["http://127.0.0.1:33069/api/v1/videos/gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS/content?index=0&expires=1795737600&signature=rFUJeI6wCmYIvzY3U0AITgpzlaggM1RgnBwuIQqoL2M"],"usage":{"cost":0.2,"is_byok":false}}}');
INSERT INTO "events" VALUES('evt_qZlirUiuhqb9k7B6ygBp2NtW','video.generation.failed',1795348816750,'growth','gen-vid-1795348811-fVEvGFZretQTaUORODo0','gen-vid-1795348811-fVEvGFZretQTaUORODo0-failed','{"type":"video.generation.failed","created_at":"2026-11-22T12:00:16.750Z","data":{"id":"gen-vid-1795348811-fVEvGFZretQTaUORODo0","status":"failed","generation_id":"gen-vid-1795348811-fVEvGFZretQTaUORODo0","model":"x-ai/grok-imagine-video","error":"blocked"}}');
INSERT INTO "events" VALUES('evt_uLTKP8h2HswnEJEuCOshnL8j','video.generation.failed',1795348816750,'growth','gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','gen-vid-1795348816-W2tqwK47f8sYmMgGBndc-failed','{"type":"video.generation.failed","created_at":"2026-11-22T12:00:16.750Z","data":{"id":"gen-vid-1795348816-W2tqwK47f8sYmMgGBndc","status":"failed","generation_id":"gen-vid-1795348816-W2tqwK47f8sYmMgGBndc","model":"x-ai/grok-imagine-video","error":"Invalid request parameters"}}');
INSERT INTO "events" VALUES('evt_XOoV50PZQRDlV3u0GXywqf7k','video.generation.completed',1795348822000,'rivals','gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI','gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI-completed','{"type":"video.generation.completed","created_at":"2026-11-22T12:00:22.000Z","data":{"id":"gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI","status":"completed","generation_id":"gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI","model":"x-ai/grok-imagine-video","unsigned_urls":["http://127.0.0.1:33069/api/v1/videos/gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI/content?index=0&expires=1795737600&signature=YlkouV8HJ4bT57M289NQPjqoC43nbXvthu5aSBiXjjk"],"usage":{"cost":0.07,"is_byok":false}}}');
CREATE TABLE fingerprints (
  team TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (team, fingerprint)
);
INSERT INTO "fingerprints" VALUES('growth','c4a9c6b5f4539111b946118875d6a47eea07bd3ac6fca80b1bfcecb376235a2e','gen-vid-1795348800-pGkofj8OBJ78sHsoBskA');
INSERT INTO "fingerprints" VALUES('growth','35fbc85de47c0736acc9e4faebae3d9e0e699c2d7071b96eb942c4ef9c0d32e9','gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS');
INSERT INTO "fingerprints" VALUES('rivals','cf415e2f2b9b0c709542e9c5f51e1bf79ff6a3d92f618bbb5f33df610c55a1e8','gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI');
INSERT INTO "fingerprints" VALUES('growth','42039795cecbe8f0bf00133b607137a2dc2345e4fe418a91cd4d0bac8f0a2a02','gen-vid-1795348822-M6zv3IG2HmJKphxr8lqJ');
INSERT INTO "fingerprints" VALUES('growth','1a2bfb2e1899f13c8fb351da92d8322cfcb899cc13cab449485495d34bfa34d6','gen-vid-1795348822-DLRtVvXc7GmPVOrFt1wD');
INSERT INTO "fingerprints" VALUES('rivals','6e62e66ffb4048852ed2e12080943b30eceaef21cf8e0cf3685499d47e119895','gen-vid-1795348822-JHVI1F3hYXJJZAMjX4m9');
CREATE TABLE idempotency_keys (
  team TEXT NOT NULL,
  key_hash TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  job_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (team, key_hash)
);
CREATE TABLE inbox (
  upstream TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  upstream_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  job_id TEXT NOT NULL,
  type TEXT NOT NULL,
  raw_cost TEXT,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (upstream, body_sha256)
);
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  team TEXT NOT NULL,
  key_name TEXT NOT NULL,
  upstream TEXT NOT NULL,
  upstream_id TEXT,
  model TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  unknown_since BIGINT,
  cause TEXT,
  error TEXT,
  estimate_micros BIGINT NOT NULL,
  cost_micros BIGINT,
  raw_cost TEXT,
  is_byok BIGINT,
  outputs BIGINT NOT NULL,
  copy_expires_at BIGINT,
  content_gone BIGINT NOT NULL,
  zdr BIGINT NOT NULL,
  retain BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  dedupe TEXT NOT NULL,
  profile TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  decision TEXT NOT NULL,
  config_version TEXT NOT NULL,
  request_id TEXT NOT NULL,
  traceparent TEXT,
  announced BIGINT NOT NULL,
  polls BIGINT NOT NULL,
  next_poll_at BIGINT,
  lease_token TEXT,
  lease_until BIGINT
);
INSERT INTO "jobs" VALUES('gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','growth','ci','sandbox','gen-vid-1795348800-QwKNHVfDAD3jZaiwkTEl','x-ai/grok-imagine-video','completed',3,1795348800000,1795348805750,NULL,'upstream',NULL,70000,70000,'0.07',0,1,NULL,0,0,1,'c4a9c6b5f4539111b946118875d6a47eea07bd3ac6fca80b1bfcecb376235a2e','miss','x-ai/grok-imagine-video||1|','102bfd5b70c1e75f9f9051ddbf30e3db550d3009cfba6af9af82e47d74cbb0fa','{"config_version":"c6d814bdbd6e","model":"x-ai/grok-imagine-video","parameters":{"duration":1},"zdr":{"needed":false,"asked_by":[]},"upstream":"sandbox","rules":[{"rule":"routing","outcome":"ok","seen":"x-ai/grok-imagine-video","allowed":"sandbox"},{"rule":"models","outcome":"ok","seen":"x-ai/grok-imagine-video"},{"rule":"capabilities","outcome":"ok"},{"rule":"limits.max_duration","outcome":"ok","seen":1},{"rule":"limits.max_resolution","outcome":"ok","seen":720},{"rule":"pricing","outcome":"ok","seen":"0.07"},{"rule":"limits.max_cost_usd","outcome":"ok","seen":"0.07"}],"estimate":{"usd":"0.07","lines":["1 s x 7 cents/s (cents_per_video_output_second_720p) = 0.07 USD"],"assumptions":["resolution left out: the dearest possible, 720p, is held; set resolution"]},"outcome":"accepted","budgets":[{"budget":"organisation/month","window":"month","starts_at":"2026-11-01T00:00:00Z","limit_usd":"10.00","spent_usd":"0.00","reserved_usd":"0.07","estimate_usd":"0.00","would_fit_usd":"9.93","resets_at":"2026-12-01T00:00:00Z"},{"budget":"team/growth/day","window":"day","starts_at":"2026-11-22T00:00:00Z","limit_usd":"1.00","spent_usd":"0.00","reserved_usd":"0.07","estimate_usd":"0.00","would_fit_usd":"0.93","resets_at":"2026-11-23T00:00:00Z"},{"budget":"team/growth/total?model=x-ai%2F*","window":"total","starts_at":"1970-01-01T00:00:00Z","limit_usd":"5.00","spent_usd":"0.00","reserved_usd":"0.07","estimate_usd":"0.00","would_fit_usd":"4.93"}]}','c6d814bdbd6e','req_127e639af1f183cb6beb466e','00-3a057aa2cd43093f0c0b2a14aec715bd-c00d65aafdb5c2b0-00',0,4,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','growth','ci','sandbox','gen-vid-1795348806-Of7WN7HUOqDw04Yy2C2u','x-ai/grok-imagine-video','completed',4,1795348806000,1795348811750,NULL,'upstream',NULL,70000,200000,'0.2',0,1,NULL,0,0,1,'35fbc85de47c0736acc9e4faebae3d9e0e699c2d7071b96eb942c4ef9c0d32e9','miss','x-ai/grok-imagine-video||1|','3d413d7a261534d2733a097b3c2aa83524dab40a7dbf9b6c35ba8a66a5b612ff','{"config_version":"c6d814bdbd6e","model":"x-ai/grok-imagine-video","parameters":{"duration":1},"zdr":{"needed":false,"asked_by":[]},"upstream":"sandbox","rules":[{"rule":"routing","outcome":"ok","seen":"x-ai/grok-imagine-video","allowed":"sandbox"},{"rule":"models","outcome":"ok","seen":"x-ai/grok-imagine-video"},{"rule":"capabilities","outcome":"ok"},{"rule":"limits.max_duration","outcome":"ok","seen":1},{"rule":"limits.max_resolution","outcome":"ok","seen":720},{"rule":"pricing","outcome":"ok","seen":"0.07"},{"rule":"limits.max_cost_usd","outcome":"ok","seen":"0.07"}],"estimate":{"usd":"0.07","lines":["1 s x 7 cents/s (cents_per_video_output_second_720p) = 0.07 USD"],"assumptions":["resolution left out: the dearest possible, 720p, is held; set resolution"]},"outcome":"accepted","budgets":[{"budget":"organisation/month","window":"month","starts_at":"2026-11-01T00:00:00Z","limit_usd":"10.00","spent_usd":"0.07","reserved_usd":"0.07","estimate_usd":"0.00","would_fit_usd":"9.86","resets_at":"2026-12-01T00:00:00Z"},{"budget":"team/growth/day","window":"day","starts_at":"2026-11-22T00:00:00Z","limit_usd":"1.00","spent_usd":"0.07","reserved_usd":"0.07","estimate_usd":"0.00","would_fit_usd":"0.86","resets_at":"2026-11-23T00:00:00Z"},{"budget":"team/growth/total?model=x-ai%2F*","window":"total","starts_at":"1970-01-01T00:00:00Z","limit_usd":"5.00","spent_usd":"0.07","reserved_usd":"0.07","estimate_usd":"0.00","would_fit_usd":"4.86"}]}','c6d814bdbd6e','req_5b2fdd00ba55c3a04ec8f39a','00-52cad2d3e64d93c598dc951b72f4dc70-636f8f31f56d5c29-00',0,4,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('gen-vid-1795348811-fVEvGFZretQTaUORODo0','growth','ci','sandbox','gen-vid-1795348811-U2jmGeYcQlBY5vG2JU88','x-ai/grok-imagine-video','failed',3,1795348811750,1795348816750,NULL,'upstream','blocked',200000,NULL,NULL,NULL,0,NULL,0,0,1,'a8d8d088a36d0cade0a3c33277be819c6493ce788d6bf5b64cc754fc5d2db77b','miss','x-ai/grok-imagine-video||1|','3e13bbe6ee136c61fa2e0f08d5bc4e50e4e0e5d53ba0f6f7aabba261794a6360','{"config_version":"c6d814bdbd6e","model":"x-ai/grok-imagine-video","parameters":{"duration":1},"zdr":{"needed":false,"asked_by":[]},"upstream":"sandbox","rules":[{"rule":"routing","outcome":"ok","seen":"x-ai/grok-imagine-video","allowed":"sandbox"},{"rule":"models","outcome":"ok","seen":"x-ai/grok-imagine-video"},{"rule":"capabilities","outcome":"ok"},{"rule":"limits.max_duration","outcome":"ok","seen":1},{"rule":"limits.max_resolution","outcome":"ok","seen":720},{"rule":"pricing","outcome":"ok","seen":"0.20"},{"rule":"limits.max_cost_usd","outcome":"ok","seen":"0.20"}],"estimate":{"usd":"0.20","lines":["1 s x 7 cents/s (cents_per_video_output_second_720p) = 0.07 USD","raised to 0.20 USD: the dearest of the same kind so far"],"assumptions":["resolution left out: the dearest possible, 720p, is held; set resolution"]},"outcome":"accepted","budgets":[{"budget":"organisation/month","window":"month","starts_at":"2026-11-01T00:00:00Z","limit_usd":"10.00","spent_usd":"0.27","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"9.53","resets_at":"2026-12-01T00:00:00Z"},{"budget":"team/growth/day","window":"day","starts_at":"2026-11-22T00:00:00Z","limit_usd":"1.00","spent_usd":"0.27","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"0.53","resets_at":"2026-11-23T00:00:00Z"},{"budget":"team/growth/total?model=x-ai%2F*","window":"total","starts_at":"1970-01-01T00:00:00Z","limit_usd":"5.00","spent_usd":"0.27","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"4.53"}]}','c6d814bdbd6e','req_c4dd3a8319be0427f1ed393b','00-9f0bf1032b90cc38881ea8506b4f094e-b75fadd79543115e-00',0,4,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','growth','ci','sandbox',NULL,'x-ai/grok-imagine-video','failed',2,1795348816750,1795348816750,NULL,'refused','Invalid request parameters',200000,NULL,NULL,NULL,0,NULL,0,0,1,'61f3c90f1682634c7788e57a4fbe2e4950b74045308f5c945852195255f8fe46','miss','x-ai/grok-imagine-video||1|','442bf3fd36ca0f207e151f2d526cc2b7b6a9d33e357c61a1687ca34171ab0c0e','{"config_version":"c6d814bdbd6e","model":"x-ai/grok-imagine-video","parameters":{"duration":1},"zdr":{"needed":false,"asked_by":[]},"upstream":"sandbox","rules":[{"rule":"routing","outcome":"ok","seen":"x-ai/grok-imagine-video","allowed":"sandbox"},{"rule":"models","outcome":"ok","seen":"x-ai/grok-imagine-video"},{"rule":"capabilities","outcome":"ok"},{"rule":"limits.max_duration","outcome":"ok","seen":1},{"rule":"limits.max_resolution","outcome":"ok","seen":720},{"rule":"pricing","outcome":"ok","seen":"0.20"},{"rule":"limits.max_cost_usd","outcome":"ok","seen":"0.20"}],"estimate":{"usd":"0.20","lines":["1 s x 7 cents/s (cents_per_video_output_second_720p) = 0.07 USD","raised to 0.20 USD: the dearest of the same kind so far"],"assumptions":["resolution left out: the dearest possible, 720p, is held; set resolution"]},"outcome":"accepted","budgets":[{"budget":"organisation/month","window":"month","starts_at":"2026-11-01T00:00:00Z","limit_usd":"10.00","spent_usd":"0.27","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"9.53","resets_at":"2026-12-01T00:00:00Z"},{"budget":"team/growth/day","window":"day","starts_at":"2026-11-22T00:00:00Z","limit_usd":"1.00","spent_usd":"0.27","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"0.53","resets_at":"2026-11-23T00:00:00Z"},{"budget":"team/growth/total?model=x-ai%2F*","window":"total","starts_at":"1970-01-01T00:00:00Z","limit_usd":"5.00","spent_usd":"0.27","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"4.53"}]}','c6d814bdbd6e','req_563101fb4f0db1f845046fe6','00-08ab00388a4d19992ed25220685e4e91-ce209b4e13c8119a-00',0,0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI','rivals','ci','sandbox','gen-vid-1795348816-tUEDaKwNljqVTkx76j8U','x-ai/grok-imagine-video','completed',3,1795348816750,1795348822000,NULL,'upstream',NULL,200000,70000,'0.07',0,1,NULL,0,0,0,'cf415e2f2b9b0c709542e9c5f51e1bf79ff6a3d92f618bbb5f33df610c55a1e8','miss','x-ai/grok-imagine-video||1|','3ec9fcf44d29644b51647f64b0aacf33ed91c568ef3a2898a2b2a6790d14015a','{"config_version":"c6d814bdbd6e","model":"x-ai/grok-imagine-video","parameters":{"duration":1},"zdr":{"needed":false,"asked_by":[]},"upstream":"sandbox","rules":[{"rule":"routing","outcome":"ok","seen":"x-ai/grok-imagine-video","allowed":"sandbox"},{"rule":"models","outcome":"ok","seen":"x-ai/grok-imagine-video"},{"rule":"capabilities","outcome":"ok"},{"rule":"limits.max_duration","outcome":"ok","seen":1},{"rule":"limits.max_resolution","outcome":"ok","seen":720},{"rule":"pricing","outcome":"ok","seen":"0.20"},{"rule":"limits.max_cost_usd","outcome":"ok","seen":"0.20"}],"estimate":{"usd":"0.20","lines":["1 s x 7 cents/s (cents_per_video_output_second_720p) = 0.07 USD","raised to 0.20 USD: the dearest of the same kind so far"],"assumptions":["resolution left out: the dearest possible, 720p, is held; set resolution"]},"outcome":"accepted","budgets":[{"budget":"organisation/month","window":"month","starts_at":"2026-11-01T00:00:00Z","limit_usd":"10.00","spent_usd":"0.27","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"9.53","resets_at":"2026-12-01T00:00:00Z"}]}','c6d814bdbd6e','req_61b08951df7462611c8180c9','00-40cf90728ba1c39eaadbeb5522dd3005-a353bd13a85febf3-00',0,4,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('gen-vid-1795348822-M6zv3IG2HmJKphxr8lqJ','growth','ci','sandbox',NULL,'x-ai/grok-imagine-video','unknown',2,1795348822000,NULL,1795348822000,NULL,NULL,200000,NULL,NULL,NULL,0,NULL,0,0,1,'42039795cecbe8f0bf00133b607137a2dc2345e4fe418a91cd4d0bac8f0a2a02','miss','x-ai/grok-imagine-video||1|','22b66a4b99eabb3a85afcf89cbdac5f0c5c557a2971a97974eb640085309980f','{"config_version":"c6d814bdbd6e","model":"x-ai/grok-imagine-video","parameters":{"duration":1},"zdr":{"needed":false,"asked_by":[]},"upstream":"sandbox","rules":[{"rule":"routing","outcome":"ok","seen":"x-ai/grok-imagine-video","allowed":"sandbox"},{"rule":"models","outcome":"ok","seen":"x-ai/grok-imagine-video"},{"rule":"capabilities","outcome":"ok"},{"rule":"limits.max_duration","outcome":"ok","seen":1},{"rule":"limits.max_resolution","outcome":"ok","seen":720},{"rule":"pricing","outcome":"ok","seen":"0.20"},{"rule":"limits.max_cost_usd","outcome":"ok","seen":"0.20"}],"estimate":{"usd":"0.20","lines":["1 s x 7 cents/s (cents_per_video_output_second_720p) = 0.07 USD","raised to 0.20 USD: the dearest of the same kind so far"],"assumptions":["resolution left out: the dearest possible, 720p, is held; set resolution"]},"outcome":"accepted","budgets":[{"budget":"organisation/month","window":"month","starts_at":"2026-11-01T00:00:00Z","limit_usd":"10.00","spent_usd":"0.34","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"9.46","resets_at":"2026-12-01T00:00:00Z"},{"budget":"team/growth/day","window":"day","starts_at":"2026-11-22T00:00:00Z","limit_usd":"1.00","spent_usd":"0.27","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"0.53","resets_at":"2026-11-23T00:00:00Z"},{"budget":"team/growth/total?model=x-ai%2F*","window":"total","starts_at":"1970-01-01T00:00:00Z","limit_usd":"5.00","spent_usd":"0.27","reserved_usd":"0.20","estimate_usd":"0.00","would_fit_usd":"4.53"}]}','c6d814bdbd6e','req_1114d0cb1fcf57382a07cf50','00-443bd4a55f846d5fea9f2750e9845c35-d7b7cee937686bd7-00',0,0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('gen-vid-1795348822-DLRtVvXc7GmPVOrFt1wD','growth','ci','sandbox','gen-vid-1795348822-CQcxxjHPowxlkDPTiSol','x-ai/grok-imagine-video','pending',2,1795348822000,NULL,NULL,NULL,NULL,200000,NULL,NULL,NULL,0,NULL,0,0,1,'1a2bfb2e1899f13c8fb351da92d8322cfcb899cc13cab449485495d34bfa34d6','miss','x-ai/grok-imagine-video||1|','c4b81cbca055e83bebd3e98fa905c5a158f7b5bca26711ad645ac36c7d7d21c5','{"config_version":"c6d814bdbd6e","model":"x-ai/grok-imagine-video","parameters":{"duration":1},"zdr":{"needed":false,"asked_by":[]},"upstream":"sandbox","rules":[{"rule":"routing","outcome":"ok","seen":"x-ai/grok-imagine-video","allowed":"sandbox"},{"rule":"models","outcome":"ok","seen":"x-ai/grok-imagine-video"},{"rule":"capabilities","outcome":"ok"},{"rule":"limits.max_duration","outcome":"ok","seen":1},{"rule":"limits.max_resolution","outcome":"ok","seen":720},{"rule":"pricing","outcome":"ok","seen":"0.20"},{"rule":"limits.max_cost_usd","outcome":"ok","seen":"0.20"}],"estimate":{"usd":"0.20","lines":["1 s x 7 cents/s (cents_per_video_output_second_720p) = 0.07 USD","raised to 0.20 USD: the dearest of the same kind so far"],"assumptions":["resolution left out: the dearest possible, 720p, is held; set resolution"]},"outcome":"accepted","budgets":[{"budget":"organisation/month","window":"month","starts_at":"2026-11-01T00:00:00Z","limit_usd":"10.00","spent_usd":"0.34","reserved_usd":"0.40","estimate_usd":"0.00","would_fit_usd":"9.26","resets_at":"2026-12-01T00:00:00Z"},{"budget":"team/growth/day","window":"day","starts_at":"2026-11-22T00:00:00Z","limit_usd":"1.00","spent_usd":"0.27","reserved_usd":"0.40","estimate_usd":"0.00","would_fit_usd":"0.33","resets_at":"2026-11-23T00:00:00Z"},{"budget":"team/growth/total?model=x-ai%2F*","window":"total","starts_at":"1970-01-01T00:00:00Z","limit_usd":"5.00","spent_usd":"0.27","reserved_usd":"0.40","estimate_usd":"0.00","would_fit_usd":"4.33"}]}','c6d814bdbd6e','req_194257c984d2e341d15d7544','00-f06dd57e84313b97c4aeb675b07d9f0b-e7c39e0d52964727-00',0,0,1795348823000,NULL,NULL);
INSERT INTO "jobs" VALUES('gen-vid-1795348822-JHVI1F3hYXJJZAMjX4m9','rivals','ci','sandbox','gen-vid-1795348822-cZOzHOeLlfxr9VObJdcE','x-ai/grok-imagine-video','pending',2,1795348822000,NULL,NULL,NULL,NULL,200000,NULL,NULL,NULL,0,NULL,0,0,0,'6e62e66ffb4048852ed2e12080943b30eceaef21cf8e0cf3685499d47e119895','miss','x-ai/grok-imagine-video||1|','3f0203e77bc7bdd0618f56e7d7305521ba797867243103680047d4bc828ce94c','{"config_version":"c6d814bdbd6e","model":"x-ai/grok-imagine-video","parameters":{"duration":1},"zdr":{"needed":false,"asked_by":[]},"upstream":"sandbox","rules":[{"rule":"routing","outcome":"ok","seen":"x-ai/grok-imagine-video","allowed":"sandbox"},{"rule":"models","outcome":"ok","seen":"x-ai/grok-imagine-video"},{"rule":"capabilities","outcome":"ok"},{"rule":"limits.max_duration","outcome":"ok","seen":1},{"rule":"limits.max_resolution","outcome":"ok","seen":720},{"rule":"pricing","outcome":"ok","seen":"0.20"},{"rule":"limits.max_cost_usd","outcome":"ok","seen":"0.20"}],"estimate":{"usd":"0.20","lines":["1 s x 7 cents/s (cents_per_video_output_second_720p) = 0.07 USD","raised to 0.20 USD: the dearest of the same kind so far"],"assumptions":["resolution left out: the dearest possible, 720p, is held; set resolution"]},"outcome":"accepted","budgets":[{"budget":"organisation/month","window":"month","starts_at":"2026-11-01T00:00:00Z","limit_usd":"10.00","spent_usd":"0.34","reserved_usd":"0.60","estimate_usd":"0.00","would_fit_usd":"9.06","resets_at":"2026-12-01T00:00:00Z"}]}','c6d814bdbd6e','req_38599c68f09a898cbb2b553a','00-2d9216bc72bbdfc6ccc9d2479b909493-8945a3d50dacc0ec-00',0,0,1795348823000,NULL,NULL);
CREATE TABLE keys (
  hash TEXT PRIMARY KEY,
  team TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  revoked_at BIGINT
);
CREATE TABLE lanes (
  lane TEXT PRIMARY KEY,
  claimed_at BIGINT NOT NULL
);
CREATE TABLE ledger (
  window_id TEXT NOT NULL,
  entry BIGINT NOT NULL,
  job_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('carry', 'reserve', 'settle', 'release', 'correct')),
  reserved_delta BIGINT NOT NULL,
  spent_delta BIGINT NOT NULL,
  overrun_delta BIGINT NOT NULL,
  limit_micros BIGINT NOT NULL,
  raw_cost TEXT,
  note TEXT,
  made_by TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (window_id, entry)
);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',1,'gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','reserve',70000,0,0,4611686018427387904,NULL,NULL,'key ci',1795348800000);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',1,'gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','reserve',70000,0,0,10000000,NULL,NULL,'key ci',1795348800000);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',1,'gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','reserve',70000,0,0,1000000,NULL,NULL,'key ci',1795348800000);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',1,'gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','reserve',70000,0,0,5000000,NULL,NULL,'key ci',1795348800000);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',2,'gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','settle',-70000,70000,0,0,'0.07',NULL,'upstream',1795348805750);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',2,'gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','settle',-70000,70000,0,0,'0.07',NULL,'upstream',1795348805750);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',2,'gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','settle',-70000,70000,0,0,'0.07',NULL,'upstream',1795348805750);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',2,'gen-vid-1795348800-pGkofj8OBJ78sHsoBskA','settle',-70000,70000,0,0,'0.07',NULL,'upstream',1795348805750);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',3,'gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','reserve',70000,0,0,4611686018427387904,NULL,NULL,'key ci',1795348806000);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',3,'gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','reserve',70000,0,0,10000000,NULL,NULL,'key ci',1795348806000);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',3,'gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','reserve',70000,0,0,1000000,NULL,NULL,'key ci',1795348806000);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',3,'gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','reserve',70000,0,0,5000000,NULL,NULL,'key ci',1795348806000);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',4,'gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','settle',-70000,200000,130000,0,'0.2',NULL,'upstream',1795348811750);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',4,'gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','settle',-70000,200000,130000,0,'0.2',NULL,'upstream',1795348811750);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',4,'gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','settle',-70000,200000,130000,0,'0.2',NULL,'upstream',1795348811750);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',4,'gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS','settle',-70000,200000,130000,0,'0.2',NULL,'upstream',1795348811750);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',5,'gen-vid-1795348811-fVEvGFZretQTaUORODo0','reserve',200000,0,0,4611686018427387904,NULL,NULL,'key ci',1795348811750);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',5,'gen-vid-1795348811-fVEvGFZretQTaUORODo0','reserve',200000,0,0,10000000,NULL,NULL,'key ci',1795348811750);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',5,'gen-vid-1795348811-fVEvGFZretQTaUORODo0','reserve',200000,0,0,1000000,NULL,NULL,'key ci',1795348811750);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',5,'gen-vid-1795348811-fVEvGFZretQTaUORODo0','reserve',200000,0,0,5000000,NULL,NULL,'key ci',1795348811750);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',6,'gen-vid-1795348811-fVEvGFZretQTaUORODo0','release',-200000,0,0,0,NULL,NULL,'upstream',1795348816750);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',6,'gen-vid-1795348811-fVEvGFZretQTaUORODo0','release',-200000,0,0,0,NULL,NULL,'upstream',1795348816750);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',6,'gen-vid-1795348811-fVEvGFZretQTaUORODo0','release',-200000,0,0,0,NULL,NULL,'upstream',1795348816750);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',6,'gen-vid-1795348811-fVEvGFZretQTaUORODo0','release',-200000,0,0,0,NULL,NULL,'upstream',1795348816750);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',7,'gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','reserve',200000,0,0,4611686018427387904,NULL,NULL,'key ci',1795348816750);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',7,'gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','reserve',200000,0,0,10000000,NULL,NULL,'key ci',1795348816750);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',7,'gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','reserve',200000,0,0,1000000,NULL,NULL,'key ci',1795348816750);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',7,'gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','reserve',200000,0,0,5000000,NULL,NULL,'key ci',1795348816750);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',8,'gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','release',-200000,0,0,0,NULL,NULL,'refused',1795348816750);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',8,'gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','release',-200000,0,0,0,NULL,NULL,'refused',1795348816750);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',8,'gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','release',-200000,0,0,0,NULL,NULL,'refused',1795348816750);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',8,'gen-vid-1795348816-W2tqwK47f8sYmMgGBndc','release',-200000,0,0,0,NULL,NULL,'refused',1795348816750);
INSERT INTO "ledger" VALUES('account/rivals@1793491200000',1,'gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI','reserve',200000,0,0,4611686018427387904,NULL,NULL,'key ci',1795348816750);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',9,'gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI','reserve',200000,0,0,10000000,NULL,NULL,'key ci',1795348816750);
INSERT INTO "ledger" VALUES('account/rivals@1793491200000',2,'gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI','settle',-200000,70000,0,0,'0.07',NULL,'upstream',1795348822000);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',10,'gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI','settle',-200000,70000,0,0,'0.07',NULL,'upstream',1795348822000);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',9,'gen-vid-1795348822-M6zv3IG2HmJKphxr8lqJ','reserve',200000,0,0,4611686018427387904,NULL,NULL,'key ci',1795348822000);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',11,'gen-vid-1795348822-M6zv3IG2HmJKphxr8lqJ','reserve',200000,0,0,10000000,NULL,NULL,'key ci',1795348822000);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',9,'gen-vid-1795348822-M6zv3IG2HmJKphxr8lqJ','reserve',200000,0,0,1000000,NULL,NULL,'key ci',1795348822000);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',9,'gen-vid-1795348822-M6zv3IG2HmJKphxr8lqJ','reserve',200000,0,0,5000000,NULL,NULL,'key ci',1795348822000);
INSERT INTO "ledger" VALUES('account/growth@1793491200000',10,'gen-vid-1795348822-DLRtVvXc7GmPVOrFt1wD','reserve',200000,0,0,4611686018427387904,NULL,NULL,'key ci',1795348822000);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',12,'gen-vid-1795348822-DLRtVvXc7GmPVOrFt1wD','reserve',200000,0,0,10000000,NULL,NULL,'key ci',1795348822000);
INSERT INTO "ledger" VALUES('team/growth/day@1795305600000',10,'gen-vid-1795348822-DLRtVvXc7GmPVOrFt1wD','reserve',200000,0,0,1000000,NULL,NULL,'key ci',1795348822000);
INSERT INTO "ledger" VALUES('team/growth/total?model=x-ai%2F*@0',10,'gen-vid-1795348822-DLRtVvXc7GmPVOrFt1wD','reserve',200000,0,0,5000000,NULL,NULL,'key ci',1795348822000);
INSERT INTO "ledger" VALUES('account/rivals@1793491200000',3,'gen-vid-1795348822-JHVI1F3hYXJJZAMjX4m9','reserve',200000,0,0,4611686018427387904,NULL,NULL,'key ci',1795348822000);
INSERT INTO "ledger" VALUES('organisation/month@1793491200000',13,'gen-vid-1795348822-JHVI1F3hYXJJZAMjX4m9','reserve',200000,0,0,10000000,NULL,NULL,'key ci',1795348822000);
CREATE TABLE migrations (
  number BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  applied_at BIGINT NOT NULL
);
INSERT INTO "migrations" VALUES(1,'jobs','d3fe69642f24a440bf2b1e3554ac3ea161748ed37ec9e13944526a9be17e1ff9',1795348800000);
INSERT INTO "migrations" VALUES(2,'ledger','915452aea986d3a57a00a684b63667929152ee769554021b971d40a854701cb4',1795348800000);
INSERT INTO "migrations" VALUES(3,'events','f59c7278ddef22aa70e3a2fc707c6104f00eea98b73998f5c560aa8352ebfb38',1795348800000);
INSERT INTO "migrations" VALUES(4,'content','4894f30a7a4f5956944e50655ad2eab69b6f53654b4b56a72380a69a1f1b44f6',1795348800000);
INSERT INTO "migrations" VALUES(5,'inbox','8dc74e0b0542e924f1493b22089ee88ca18618704d07e61e7302e3f5d2841910',1795348800000);
INSERT INTO "migrations" VALUES(6,'audit','1c46af69bfdcc7550d793f2cc8a4fc10b29aac7768a7e8c23b20039234a66bfb',1795348800000);
CREATE TABLE rate_hits (
  team TEXT NOT NULL,
  at BIGINT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (team, at, job_id)
);
CREATE TABLE refusals (
  id TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  team TEXT NOT NULL,
  key_name TEXT NOT NULL,
  model TEXT NOT NULL,
  reason TEXT NOT NULL,
  decision TEXT NOT NULL,
  request_id TEXT NOT NULL
);
INSERT INTO "refusals" VALUES('AwZYB3H6tDukKK2EDhcRzwXlAZ9OqaaWId9Rr1Aq75q',1795348816750,'growth','ci','x-ai/grok-imagine-video','unsupported_parameter','{"config_version":"c6d814bdbd6e","model":"x-ai/grok-imagine-video","parameters":{"duration":99},"zdr":{"needed":false,"asked_by":[]},"upstream":"sandbox","rules":[{"rule":"routing","outcome":"ok","seen":"x-ai/grok-imagine-video","allowed":"sandbox"},{"rule":"models","outcome":"ok","seen":"x-ai/grok-imagine-video"},{"rule":"capabilities","outcome":"refused","seen":["duration"],"reason":"unsupported_parameter","message":"duration 99 is not supported; allowed: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"},{"rule":"limits.max_duration","outcome":"ok","seen":99},{"rule":"limits.max_resolution","outcome":"ok","seen":720}],"outcome":"refused","reason":"unsupported_parameter","message":"duration 99 is not supported; allowed: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15","details":{"violations":[{"field":"duration","value":99,"allowed":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15],"nearest":15}]}}','req_79efd2e9e8a5709f2a6a45b2');
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
INSERT INTO "settings" VALUES('installation_secret','29f2e456f6927499cb7fc1db46c2f24c2dc7db6a85f03530bd6a8d93c557d727');
INSERT INTO "settings" VALUES('signing_key','1788da5c8f99500f0734a557f443e405ef2f30bf06b08962670d1ba48f63b8a1');
INSERT INTO "settings" VALUES('installation_id','f36b9cf80038bedc54c19f266c56cb5db27943c2d3bd03dd971f7ed7d87ead06');
CREATE TABLE submit_attempts (
  job_id TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  outcome TEXT,
  detail TEXT,
  PRIMARY KEY (job_id, attempt)
);
INSERT INTO "submit_attempts" VALUES('gen-vid-1795348800-pGkofj8OBJ78sHsoBskA',1,1795348800000,'accepted',NULL);
INSERT INTO "submit_attempts" VALUES('gen-vid-1795348806-aoyAIJuDmFX9vgLDCJPS',1,1795348806000,'accepted',NULL);
INSERT INTO "submit_attempts" VALUES('gen-vid-1795348811-fVEvGFZretQTaUORODo0',1,1795348811750,'accepted',NULL);
INSERT INTO "submit_attempts" VALUES('gen-vid-1795348816-W2tqwK47f8sYmMgGBndc',1,1795348816750,'refused','400');
INSERT INTO "submit_attempts" VALUES('gen-vid-1795348816-xezwWwLGvJ8O1uimfSqI',1,1795348816750,'accepted',NULL);
INSERT INTO "submit_attempts" VALUES('gen-vid-1795348822-M6zv3IG2HmJKphxr8lqJ',1,1795348822000,'unknown','ClientOSError');
INSERT INTO "submit_attempts" VALUES('gen-vid-1795348822-DLRtVvXc7GmPVOrFt1wD',1,1795348822000,'accepted',NULL);
INSERT INTO "submit_attempts" VALUES('gen-vid-1795348822-JHVI1F3hYXJJZAMjX4m9',1,1795348822000,'accepted',NULL);
CREATE TABLE subscriptions (
  job_id TEXT NOT NULL,
  url TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (job_id, url)
);
CREATE TABLE team_locks (
  team TEXT PRIMARY KEY,
  taken BIGINT NOT NULL
);
CREATE TABLE thresholds_told (
  window_id TEXT NOT NULL,
  share TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (window_id, share)
);
CREATE TABLE webhook_health (
  upstream TEXT PRIMARY KEY,
  heard_at BIGINT,
  missed_at BIGINT
);
CREATE TABLE windows (
  id TEXT PRIMARY KEY,
  budget_id TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT,
  limit_micros BIGINT NOT NULL,
  reserved BIGINT NOT NULL CHECK (reserved >= 0),
  spent BIGINT NOT NULL CHECK (spent >= 0),
  overrun BIGINT NOT NULL CHECK (overrun >= 0),
  estimated BIGINT NOT NULL CHECK (estimated >= 0),
  entries BIGINT NOT NULL
);
INSERT INTO "windows" VALUES('account/growth@1793491200000','account/growth',1793491200000,1796083200000,4611686018427387904,400000,270000,130000,540000,10);
INSERT INTO "windows" VALUES('organisation/month@1793491200000','organisation/month',1793491200000,1796083200000,10000000,600000,340000,130000,940000,13);
INSERT INTO "windows" VALUES('team/growth/day@1795305600000','team/growth/day',1795305600000,1795392000000,1000000,400000,270000,130000,540000,10);
INSERT INTO "windows" VALUES('team/growth/total?model=x-ai%2F*@0','team/growth/total?model=x-ai%2F*',0,NULL,5000000,400000,270000,130000,540000,10);
INSERT INTO "windows" VALUES('account/rivals@1793491200000','account/rivals',1793491200000,1796083200000,4611686018427387904,200000,70000,0,400000,3);
CREATE TABLE withdrawals (
  job_id TEXT PRIMARY KEY,
  withdrawn_at BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  why TEXT
);
CREATE INDEX jobs_by_team ON jobs (team, created_at);
CREATE UNIQUE INDEX jobs_by_upstream_id ON jobs (upstream, upstream_id);
CREATE UNIQUE INDEX jobs_by_token ON jobs (token_hash);
CREATE INDEX jobs_to_poll ON jobs (next_poll_at) WHERE next_poll_at IS NOT NULL;
CREATE INDEX jobs_undecided ON jobs (status, created_at) WHERE status IN ('submitting', 'unknown');
CREATE INDEX idempotency_keys_by_job ON idempotency_keys (job_id);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX fingerprints_by_job ON fingerprints (job_id);
CREATE UNIQUE INDEX keys_by_name ON keys (team, name) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX windows_by_budget ON windows (budget_id, starts_at);
CREATE UNIQUE INDEX ledger_once ON ledger (job_id, window_id, kind) WHERE kind <> 'correct';
CREATE INDEX ledger_by_job ON ledger (job_id);
CREATE INDEX jobs_open_by_team ON jobs (team)
  WHERE status IN ('submitting', 'unknown', 'pending', 'in_progress');
CREATE INDEX refusals_by_time ON refusals (at);
CREATE UNIQUE INDEX events_once_per_job ON events (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX events_by_time ON events (created_at);
CREATE INDEX deliveries_due ON deliveries (lane, next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON deliveries (lane) WHERE lease_token IS NOT NULL;
CREATE INDEX deliveries_done ON deliveries (ended_at) WHERE state = 'delivered';
CREATE INDEX deliveries_by_event ON deliveries (event_id);
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, state, created_at);
CREATE INDEX deliveries_undelivered ON deliveries (endpoint, state, created_at)
  WHERE state <> 'delivered';
CREATE INDEX deliveries_by_time ON deliveries (created_at);
CREATE INDEX lanes_by_time ON lanes (claimed_at);
CREATE UNIQUE INDEX assets_once_per_store ON assets (job_id, output, store);
CREATE INDEX assets_by_use ON assets (store, last_used_at);
CREATE INDEX assets_by_age ON assets (store, stored_at);
CREATE INDEX assets_by_size ON assets (store, doomed_at, size);
CREATE INDEX assets_doomed ON assets (store, doomed_at) WHERE doomed_at IS NOT NULL;
CREATE INDEX asset_removals_by_job ON asset_removals (job_id);
CREATE INDEX archivals_due ON archivals (due_at);
CREATE INDEX jobs_by_time ON jobs (created_at, id);
CREATE UNIQUE INDEX inbox_by_key ON inbox (upstream, upstream_id, idempotency_key);
CREATE INDEX inbox_by_job ON inbox (job_id);
CREATE INDEX inbox_by_time ON inbox (received_at);
CREATE INDEX awaited_webhooks_by_time ON awaited_webhooks (since);
CREATE INDEX audit_by_act ON audit (act, number);
COMMIT;
