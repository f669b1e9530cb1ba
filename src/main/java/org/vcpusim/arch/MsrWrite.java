package org.vcpusim.arch;

/**
 * What a WRMSR writes.
 *
 * @param msr its number, ECX
 * @param value EDX in bits 63:32, EAX in bits 31:0
 */
public record MsrWrite(int msr, long value) {

    boolean isByte() {
        return value >>> Byte.SIZE == 0;
    }
}
