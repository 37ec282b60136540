namespace Mailkey.Spf;

/// <summary>
/// Where an expansion goes: a buffer that either is full at its end, or forgets its beginning. So what a record expands to
/// never takes more room than the buffer.
/// </summary>
/// <param name="keepsEnd">True for domain names: only their end counts (RFC 7208 §7.3).</param>
internal ref struct MacroOutput(Span<char> buffer, bool keepsEnd)
{
    private readonly Span<char> _buffer = buffer;
    private readonly bool _keepsEnd = keepsEnd;
    private int _length;

    public readonly bool IsFull => !_keepsEnd && _length == _buffer.Length;

    public readonly ReadOnlySpan<char> Written => _buffer[.._length];

    public void Append(char c)
    {
        if (_length == _buffer.Length)
        {
            if (!_keepsEnd)
            {
                return;
            }

            Forget(_buffer.Length / 2);
        }

        _buffer[_length++] = c;
    }

    public void Append(ReadOnlySpan<char> text)
    {
        if (text.Length > _buffer.Length - _length)
        {
            if (_keepsEnd)
            {
                var half = _buffer.Length / 2;
                Forget(text.Length > half ? _length : half);
                text = text.Length > half ? text[^half..] : text;
            }
            else
            {
                text = text[..(_buffer.Length - _length)];
            }
        }

        text.CopyTo(_buffer[_length..]);
        _length += text.Length;
    }

    private void Forget(int count)
    {
        _buffer[count.._length].CopyTo(_buffer);
        _length -= count;
    }
}
