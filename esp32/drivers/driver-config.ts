/** What the settings of a board say about a resource provider; pins are named as the board names them, such as "D21". */
export interface DriverConfig {
  readonly class: string;
  /** Id of the provider. */
  readonly id: string;
}

/** A device on an I2C bus. */
export interface I2cConfig extends DriverConfig {
  readonly sda: string;
  readonly scl: string;
  /** Bits per second; default 50,000. */
  readonly bitrate?: number;
}
