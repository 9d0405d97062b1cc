// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import NIOSSL

/// What a server shows that it is who it says, in files of PEM text.
public struct TLSFiles: Sendable {
  /// The path of the certificate, followed in the file by those that vouch for it.
  public let certificate: String
  /// The path of the certificate's private key.
  public let key: String

  /// Names the files.
  public init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }

  /// Reads the files.
  ///
  /// - Throws: ``ServingError`` with code `badConfiguration`, naming the file, if one cannot be read,
  ///   or if the key is not the certificate's.
  func configuration() throws(ServingError) -> TLSConfiguration {
    let chain: [NIOSSLCertificate]
    do { chain = try NIOSSLCertificate.fromPEMFile(certificate) } catch {
      throw Self.problem("\(certificate) is not a certificate in PEM", error)
    }
    let privateKey: NIOSSLPrivateKey
    do { privateKey = try NIOSSLPrivateKey(file: key, format: .pem) } catch {
      throw Self.problem("\(key) is not a private key in PEM without a passphrase", error)
    }
    let configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) },
      privateKey: .privateKey(privateKey)
    )
    do { _ = try NIOSSLContext(configuration: configuration) } catch {
      throw Self.problem("\(key) is not the key of \(certificate)", error)
    }
    return configuration
  }

  private static func problem(_ message: String, _ cause: any Error) -> ServingError {
    ServingError(.badConfiguration, message, cause: cause)
  }
}
