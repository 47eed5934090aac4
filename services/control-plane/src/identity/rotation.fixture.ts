import { RootRotation, type RootRotationOptions, type RotationFollowers } from './root-rotation.ts';

/** Everything that a rotation is given. */
export type RotationSetting = RootRotationOptions & RotationFollowers;

/** Opens a rotation that has followers from the start. For tests. */
export async function openRotation(setting: RotationSetting): Promise<RootRotation> {
  const rotation = await RootRotation.open(setting);
  rotation.follow(setting);
  return rotation;
}
